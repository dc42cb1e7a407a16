/**
 * What sidebar and server say to each other. The messages are written from clinjup/server/protocol.py into messages.ts; here
 * are their unions, and the functions that turn what came over the wire into them.
 */

import {
  IAppendStream,
  ICellState,
  IDelete,
  IEventData,
  IHello,
  INotebookMetadata,
  IOps,
  IOrder,
  IOutputs,
  IPing,
  IRejoin,
  IResult,
  IRevert,
  ISave,
  ISaved,
  ISnapshot,
  ITrouble,
  IUpsert,
  IUserOutputs,
  IWelcome,
  VERSION
} from './messages';

export * from './messages';

/** A machine-emitted result: cohort, split, figures of a model, a plot ... */
export type Finding = IResult['finding'];

export const FINDING_MIME = 'application/vnd.clinjup.result+json';
export const CARD_MIME = 'application/vnd.clinjup.card+json';

/** One event, with the data that its type says. */
export type ClinjupEvent = {
  [T in keyof IEventData]: {
    v: 1;
    run_id: string;
    seq: number;
    ts: number;
    type: T;
    data: IEventData[T];
  };
}[keyof IEventData];

export type Op =
  | IUpsert
  | IDelete
  | IOrder
  | IOutputs
  | IAppendStream
  | ICellState
  | INotebookMetadata
  | ISave
  | IRevert;

export type ServerMessage = IWelcome | IOps | ITrouble;

export type TabMessage =
  IHello | ISnapshot | IRejoin | IUserOutputs | ISaved | IPing;

/** What came over the wire is not what this page understands. */
export class ProtocolError extends Error {}

/** The events of one message of the events socket. Types of events that this page does not know are left out. */
export function parseEvents(text: string): ClinjupEvent[] {
  const message = parseVersioned(text);
  if (!Array.isArray(message.events)) {
    throw new ProtocolError('A message of the events socket has no events.');
  }
  return message.events.filter(isEvent);
}

/** One message of the ops socket; null where its type is not known to this page. */
export function parseServerMessage(text: string): ServerMessage | null {
  const message = parseVersioned(text);
  switch (message.type) {
    case 'welcome':
      if (typeof message.live !== 'boolean' || !Number.isInteger(message.seq)) {
        throw new ProtocolError('A welcome lacks `live` or `seq`.');
      }
      return message as unknown as IWelcome;
    case 'ops':
      if (!Array.isArray(message.ops) || !message.ops.every(isOp)) {
        throw new ProtocolError(
          'An ops message holds something else than ops.'
        );
      }
      return message as unknown as IOps;
    case 'trouble':
      return message as unknown as ITrouble;
    default:
      return null;
  }
}

/** Whether a JSON value has the outer shape of a finding; what is in it is checked when it is drawn. */
export function isFinding(value: unknown): value is Finding {
  return isRecord(value) && typeof value.kind === 'string';
}

function parseVersioned(text: string): Record<string, any> {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    throw new ProtocolError('The server sent something that is not JSON.');
  }
  if (!isRecord(message)) {
    throw new ProtocolError('The server sent something that is not a message.');
  }
  if (message.v !== VERSION) {
    throw new ProtocolError(
      `The server speaks version ${message.v} of the protocol, this page version ${VERSION}.`
    );
  }
  return message;
}

function isEvent(value: unknown): value is ClinjupEvent {
  return (
    isRecord(value) &&
    typeof value.run_id === 'string' &&
    Number.isInteger(value.seq) &&
    typeof value.type === 'string' &&
    isRecord(value.data)
  );
}

function isOp(value: unknown): value is Op {
  return (
    isRecord(value) &&
    Number.isInteger(value.seq) &&
    typeof value.op === 'string'
  );
}

function isRecord(value: unknown): value is Record<string, any> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
