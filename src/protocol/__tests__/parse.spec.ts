import { parseEvents, parseServerMessage, ProtocolError } from '..';

describe('parseEvents', () => {
  const event = {
    v: 1,
    run_id: 'a1',
    seq: 3,
    ts: 1,
    type: 'text.delta',
    data: { text: 'Hello', loud: false }
  };

  it('gives the events of a batch, in order', () => {
    const text = JSON.stringify({
      v: 1,
      events: [event, { ...event, seq: 4 }]
    });
    expect(parseEvents(text).map(each => each.seq)).toEqual([3, 4]);
  });

  it('ignores fields that this page does not know', () => {
    const text = JSON.stringify({
      v: 1,
      more: 1,
      events: [{ ...event, x: 1 }]
    });
    expect(parseEvents(text)).toHaveLength(1);
  });

  it('leaves out what is not an event', () => {
    const text = JSON.stringify({ v: 1, events: [{ seq: 'three' }, 7, event] });
    expect(parseEvents(text)).toEqual([event]);
  });

  it.each(['not json', '[]', '7', '{"v": 1}', '{"v": 2, "events": []}'])(
    'refuses %s',
    text => {
      expect(() => parseEvents(text)).toThrow(ProtocolError);
    }
  );
});

describe('parseServerMessage', () => {
  it('reads a welcome', () => {
    const welcome = { type: 'welcome', v: 1, live: true, seq: 4, owner: true };
    expect(parseServerMessage(JSON.stringify(welcome))).toEqual(welcome);
  });

  it('reads ops', () => {
    const ops = { type: 'ops', v: 1, ops: [{ op: 'save', seq: 9 }] };
    expect(parseServerMessage(JSON.stringify(ops))).toEqual(ops);
  });

  it('passes over a type of message that came after this page was built', () => {
    expect(parseServerMessage('{"type": "weather", "v": 1}')).toBeNull();
  });

  it.each([
    '{"type": "welcome", "v": 1}',
    '{"type": "ops", "v": 1, "ops": [{"seq": 1}]}',
    '{"type": "ops", "v": 1}',
    '{"type": "welcome", "v": 3, "live": true, "seq": 1}'
  ])('refuses %s', text => {
    expect(() => parseServerMessage(text)).toThrow(ProtocolError);
  });
});
