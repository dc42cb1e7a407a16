/**
 * A question that may be answered in the clinician's own words.
 */

import { act, Simulate } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import { IQuestion } from '../../protocol';
import { QuestionForm } from '../QuestionForm';

const options = [{ value: 'pneumothorax', text: 'pneumothorax' }];
const question: IQuestion = {
  id: 'target',
  text: 'Which finding?',
  options,
  own_words: true,
  default: null,
  step_id: null
};

function drawn(asked: IQuestion) {
  (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
  const given: Record<string, string>[] = [];
  const host = document.createElement('div');
  const onAnswer = async (answers: Record<string, string>) => {
    given.push(answers);
  };
  act(() =>
    createRoot(host).render(
      <QuestionForm questions={[asked]} onAnswer={onAnswer} />
    )
  );
  const send = async () =>
    act(async () => Simulate.submit(host.querySelector('form')!));
  const text = host.querySelector<HTMLInputElement>('input[type=text]');
  const option = host.querySelector<HTMLInputElement>('input[type=radio]')!;
  const write = (value: string) =>
    act(() => Simulate.change(text!, { target: { value } as any }));
  return { given, send, text, option, write };
}

describe('a question with options', () => {
  it('takes another answer where one is welcome', async () => {
    const form = drawn(question);
    await form.send();
    expect(form.given).toEqual([]);
    // On the way to it the words are those of an option.
    form.write('pneumothorax');
    expect(form.option.checked).toBe(false);
    form.write('pneumothorax on the left');
    await form.send();
    expect(form.given).toEqual([{ target: 'pneumothorax on the left' }]);
  });

  it('takes the option that was chosen after something was written', async () => {
    const form = drawn(question);
    form.write('something else');
    act(() => Simulate.change(form.option));
    expect(form.text?.value).toBe('');
    await form.send();
    expect(form.given).toEqual([{ target: 'pneumothorax' }]);
  });

  it('offers no field where only its options count', () => {
    expect(drawn({ ...question, own_words: false }).text).toBeNull();
  });
});
