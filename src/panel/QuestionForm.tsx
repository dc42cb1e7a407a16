/**
 * Questions that only the clinician can answer, as a small form.
 */

import * as React from 'react';

import { IQuestion } from '../protocol';
import { usePanel } from './context';

export interface IQuestionFormProps {
  questions: IQuestion[];
  onAnswer: (answers: Record<string, string>) => Promise<void>;
}

export function QuestionForm(props: IQuestionFormProps): React.ReactElement {
  const { trans } = usePanel();
  const [answers, setAnswers] = React.useState<Record<string, string>>(() =>
    Object.fromEntries(
      props.questions.map(each => [each.id, each.default ?? ''])
    )
  );
  const [sending, setSending] = React.useState(false);
  const form = React.useRef<HTMLFormElement>(null);
  // The panel may be scrolled down to the findings when the run begins to wait.
  React.useEffect(() => {
    form.current?.scrollIntoView?.({ block: 'nearest' }); // a promise in some browsers, which is no cleanup
  }, []);
  const complete = props.questions.every(each => answers[each.id]?.trim());
  const send = async (event: React.FormEvent) => {
    event.preventDefault();
    if (!complete || sending) {
      return;
    }
    setSending(true);
    try {
      await props.onAnswer(answers);
    } finally {
      setSending(false);
    }
  };
  const set = (id: string, value: string) =>
    setAnswers(old => ({ ...old, [id]: value }));
  return (
    <form
      ref={form}
      className="jp-Clinjup-Card jp-Clinjup-Attention"
      aria-label={trans.__('Questions that only you can answer')}
      onSubmit={send}
    >
      <h4>
        {trans._n(
          'One question for you',
          '%1 questions for you',
          props.questions.length,
          props.questions.length
        )}
      </h4>
      {props.questions.map(question => (
        <Field
          key={question.id}
          question={question}
          value={answers[question.id] ?? ''}
          onChange={value => set(question.id, value)}
        />
      ))}
      <div className="jp-Clinjup-Buttons">
        <button
          type="submit"
          className="jp-Clinjup-Button jp-mod-accept"
          aria-disabled={!complete || sending}
        >
          {trans.__('Answer')}
        </button>
      </div>
    </form>
  );
}

function Field(props: {
  question: IQuestion;
  value: string;
  onChange: (value: string) => void;
}): React.ReactElement {
  const { trans } = usePanel();
  const { question, value, onChange } = props;
  const [own, setOwn] = React.useState('');
  const say = (text: string, inOwnWords = '') => {
    setOwn(inOwnWords);
    onChange(text);
  };
  const name = `jp-Clinjup-question-${question.id}`;
  if (question.options.length === 0) {
    return (
      <label className="jp-Clinjup-Field">
        <span>{question.text}</span>
        <input
          type="text"
          name={name}
          value={value}
          placeholder={trans.__('Your answer')}
          onChange={event => onChange(event.target.value)}
        />
      </label>
    );
  }
  return (
    <fieldset className="jp-Clinjup-Field">
      <legend>{question.text}</legend>
      {question.options.map(option => (
        <label key={option.value} className="jp-Clinjup-Option">
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={value === option.value && own === ''}
            onChange={() => say(option.value)}
          />
          <span>{option.text}</span>
        </label>
      ))}
      {question.own_words && (
        <label className="jp-Clinjup-Field">
          <span>{trans.__('Another answer, in your own words')}</span>
          <input
            type="text"
            name={`${name}-own`}
            value={own}
            onChange={event => say(event.target.value, event.target.value)}
          />
        </label>
      )}
    </fieldset>
  );
}
