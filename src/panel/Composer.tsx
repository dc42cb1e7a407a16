/**
 * The request box: Enter sends, Shift+Enter makes a new line; below it the folder with the images.
 */

import { folderIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { IDestination } from '../protocol';
import { usePanel } from './context';
import { gapIn, IDraft } from './draft';

export interface IComposerProps {
  draft: IDraft;
  busy: boolean;
  problem: string;
  /** Contents paths of the notebooks that are open. */
  notebooks: string[];
  /** Where the Claude planner would send; null = it cannot be used. */
  claude: IDestination | null;
  onChange: (change: Partial<IDraft>) => void;
  onSend: () => void;
  onBrowse: () => Promise<string | null>;
}

/** Its fields take `draft` once; a new `key` has them filled in anew. */
export function Composer(props: IComposerProps): React.ReactElement {
  const { trans } = usePanel();
  const { draft, busy, onChange } = props;
  const [intent, type, intentNow] = useTyped(draft.intent, intent =>
    onChange({ intent })
  );
  const [data, nameFolder, dataNow] = useTyped(draft.data, data =>
    onChange({ data })
  );
  const missingIn = (intent: string, data: string): string => {
    const gap = gapIn(intent);
    return intent.trim() === ''
      ? trans.__('Write what you want to find out.')
      : gap
        ? trans.__('Fill in %1 first.', gap.text)
        : data.trim() === ''
          ? trans.__('Name the folder with the images.')
          : '';
  };
  const missing = missingIn(intent, data);
  const [told, setTold] = React.useState(false);
  const box = React.useRef<HTMLTextAreaElement>(null);
  const selectGap = () => {
    const gap = gapIn(intentNow.current);
    if (gap) {
      box.current?.setSelectionRange(gap.at, gap.at + gap.text.length);
    }
    return gap !== null;
  };
  React.useEffect(() => {
    selectGap(); // what was filled in from outside is written over from its first gap on
  }, []);
  const send = () => {
    // Of what stands in the fields now, which need not have been drawn yet.
    const missing = missingIn(intentNow.current, dataNow.current);
    setTold(missing !== '');
    if (selectGap()) {
      box.current?.focus();
    }
    if (!busy && missing === '') {
      props.onSend();
    }
  };
  return (
    <form
      className="jp-Clinjup-Composer"
      aria-label={trans.__('New request')}
      onSubmit={event => {
        event.preventDefault();
        send();
      }}
    >
      {(props.problem || (told && missing)) && (
        <p className="jp-Clinjup-Refusal" role="alert">
          {props.problem || missing}
        </p>
      )}
      <label className="jp-Clinjup-Field">
        <span>{trans.__('What do you want to find out?')}</span>
        <textarea
          ref={box}
          className="jp-Clinjup-Request"
          rows={3}
          value={intent}
          placeholder={trans.__(
            'For example: diagnose pneumothorax, but do not let the model cheat by looking at chest drains.'
          )}
          onChange={event => type(event.target.value)}
          onKeyDown={event => {
            const { key, shiftKey, nativeEvent } = event;
            if (key === 'Enter' && !shiftKey && !nativeEvent.isComposing) {
              event.preventDefault();
              send();
            }
          }}
        />
      </label>
      <Folder value={data} onChange={nameFolder} onBrowse={props.onBrowse} />
      <Options {...props} />
      <div className="jp-Clinjup-Buttons">
        <button
          type="submit"
          className="jp-Clinjup-Button jp-mod-accept"
          aria-disabled={busy || missing !== ''}
        >
          {busy ? trans.__('Looking at the data …') : trans.__('Start')}
        </button>
        <span className="jp-Clinjup-Quiet">
          {trans.__('Enter starts, Shift+Enter makes a new line')}
        </span>
      </div>
    </form>
  );
}

/**
 * What stands in a field, how to type there, and what stands there before it is drawn.
 *
 * The panel is drawn again a moment after its model changed, by then with an older text than was typed. A field that took that text would
 * lose letters and set the cursor to its end, and Enter right after the last letter would not know that letter.
 */
function useTyped(
  value: string,
  onChange: (value: string) => void
): [string, (value: string) => void, React.MutableRefObject<string>] {
  const [text, setText] = React.useState(value);
  const now = React.useRef(value);
  const type = (typed: string) => {
    now.current = typed;
    setText(typed);
    onChange(typed);
  };
  return [text, type, now];
}

function Folder(props: {
  value: string;
  onChange: (folder: string) => void;
  onBrowse: () => Promise<string | null>;
}): React.ReactElement {
  const { trans } = usePanel();
  return (
    <div className="jp-Clinjup-Field">
      <label htmlFor="jp-Clinjup-folder">
        {trans.__('Folder with the images')}
      </label>
      <span className="jp-Clinjup-Folder">
        <input
          id="jp-Clinjup-folder"
          type="text"
          value={props.value}
          spellCheck={false}
          placeholder={trans.__('Folder on this machine')}
          onChange={event => props.onChange(event.target.value)}
        />
        <button
          type="button"
          className="jp-Clinjup-IconButton"
          aria-label={trans.__('Choose the folder')}
          title={trans.__('Choose the folder')}
          onClick={async () => {
            const folder = await props.onBrowse();
            if (folder !== null) {
              props.onChange(folder);
            }
          }}
        >
          <folderIcon.react
            tag="span"
            width="16px"
            height="16px"
            aria-hidden="true"
          />
        </button>
      </span>
    </div>
  );
}

/** Where the cells go and who plans; shown only where there is a choice. */
function Options(props: IComposerProps): React.ReactElement | null {
  const { trans } = usePanel();
  const { draft, notebooks, claude, onChange } = props;
  if (notebooks.length === 0 && !claude) {
    return null;
  }
  return (
    <div className="jp-Clinjup-Options">
      {notebooks.length > 0 && (
        <label className="jp-Clinjup-Field">
          <span>{trans.__('Write into')}</span>
          <select
            value={draft.notebook}
            onChange={event => onChange({ notebook: event.target.value })}
          >
            <option value="">{trans.__('a new notebook')}</option>
            {notebooks.map(path => (
              <option key={path} value={path}>
                {path}
              </option>
            ))}
          </select>
        </label>
      )}
      {claude && (
        <label className="jp-Clinjup-Field">
          <span>{trans.__('Planner')}</span>
          <select
            value={draft.planner}
            onChange={event =>
              onChange({ planner: event.target.value as IDraft['planner'] })
            }
          >
            <option value="offline">{trans.__('offline')}</option>
            <option value="claude">
              {trans.__('Claude at %1', claude.host ?? '')}
            </option>
          </select>
        </label>
      )}
    </div>
  );
}
