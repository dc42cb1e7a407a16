import { summary } from '../../client/__tests__/server';
import { ClinjupEvent, IEventData } from '../../protocol';
import { withEvents, withSummaries } from '../../client/state';
import { IRunView, newRun, reduceRun, workTimes } from '../run';

let seq = -1;

function event<T extends keyof IEventData>(
  type: T,
  data: Partial<IEventData[T]>,
  ts = 100
): ClinjupEvent {
  seq += 1;
  return { v: 1, run_id: 'r', seq, ts, type, data } as unknown as ClinjupEvent;
}

function after(...events: ClinjupEvent[]): IRunView {
  return reduceRun(newRun('r'), events);
}

beforeEach(() => {
  seq = -1;
});

describe('reduceRun', () => {
  const started = () =>
    event('run.started', {
      intent: 'diagnose pneumothorax',
      notebook: 'n.ipynb',
      started: 50,
      budget_seconds: 600,
      destination: { offline: true, host: null, loopback: false }
    });

  it('gives the same view when a part of the events comes again', () => {
    const events = [
      started(),
      event('text.delta', { text: 'one ', loud: false }),
      event('text.delta', { text: 'two', loud: false }),
      event('error.diagnosed', { step_id: 's', attempt: 1, message: 'broken' })
    ];
    const once = after(...events);
    expect(reduceRun(once, events.slice(1))).toBe(once);
    expect(once.timeline.map(item => 'text' in item && item.text)).toEqual([
      'one two',
      'broken'
    ]);
  });

  it('leaves the view before as it was', () => {
    const before = after(started());
    reduceRun(before, [event('text.delta', { text: 'x', loud: true })]);
    expect(before.timeline).toEqual([]);
  });

  it('ignores events of other runs', () => {
    const run = newRun('other');
    expect(reduceRun(run, [started()])).toBe(run);
  });

  it('shows a question until it is answered', () => {
    const question = { id: 'q', text: 'Which?', options: [], default: null };
    const asked = after(
      started(),
      event('question.asked', { questions: [question as any] })
    );
    expect(asked.questions).toEqual([question]);
    const told = reduceRun(asked, [
      event('question.answered', { answers: { q: 'a' } })
    ]);
    expect(told.questions).toEqual([]);
  });

  it('binds approvals to the hash of the code', () => {
    const ask = (sha256: string) =>
      event('approval.requested', {
        step_id: 's',
        source: 'x',
        sha256,
        reason: ''
      });
    const run = after(
      ask('1'),
      ask('2'),
      ask('1'),
      event('approval.resolved', { sha256: '2', approved: true })
    );
    expect(run.approvals.map(each => each.sha256)).toEqual(['1']);
  });

  it('marks a problem as mended, with what was changed, once a later attempt went through', () => {
    const fails = [
      event('error.diagnosed', { step_id: 's', attempt: 1, message: 'm' }),
      event('error.repaired', {
        step_id: 's',
        attempt: 2,
        change: 'smaller batch'
      })
    ];
    expect(after(...fails).timeline[0]).toMatchObject({
      mended: false,
      repair: 'smaller batch'
    });
    const done = event('cell.finished', { step_id: 's', ok: true, seconds: 3 });
    expect(after(...fails, done).timeline[0]).toMatchObject({ mended: true });
    // As the server tells it: first that the cell went through, then what had been changed in it.
    const told = [
      event('error.diagnosed', { step_id: 's', attempt: 1, message: 'm' }),
      event('cell.finished', { step_id: 's', ok: true, seconds: 3 }),
      event('error.repaired', { step_id: 's', attempt: 2, change: 'smaller' })
    ];
    expect(after(...told).timeline[0]).toMatchObject({
      mended: true,
      repair: 'smaller'
    });
  });

  it('adds up the seconds of all attempts at a step', () => {
    const run = after(
      event('cell.finished', { step_id: 's', ok: false, seconds: 3 }),
      event('cell.finished', { step_id: 's', ok: true, seconds: 4 })
    );
    expect(run.stepSeconds).toEqual({ s: 7 });
  });

  it('keeps nothing that waits once the run has ended, and may go on after a stop', () => {
    const run = after(
      started(),
      event('approval.requested', { step_id: 's', sha256: '1' }),
      event(
        'run.finished',
        {
          status: 'interrupted',
          sentence: 'Stopped.',
          questions: [],
          seconds: 30,
          resumable: true
        },
        80
      )
    );
    expect(run).toMatchObject({
      status: 'interrupted',
      approvals: [],
      seconds: 30,
      resumable: true
    });
  });

  it('cannot be gone on with where it was stopped before it had a notebook, and forgets the drawing of its images', () => {
    const drawing = event('run.started', { intent: 'i', notebook: '' });
    const progress = event('cell.progress', { done: 1, total: 2 });
    const stopped = event('run.finished', {
      status: 'interrupted',
      resumable: false
    });
    expect(after(drawing, progress).progress?.done).toBe(1);
    expect(after(drawing, progress, stopped).resumable).toBe(false);
    const begun = event('run.started', { intent: 'i', notebook: 'n.ipynb' });
    expect(after(drawing, progress, begun).progress).toBeNull();
  });

  it('counts on from what the server told, and stands while the run waits for somebody', () => {
    const clock = (waits_for: '' | 'go_on', elapsed: number, ts: number) =>
      event(
        'run.clock',
        { elapsed, seconds_left: 600 - elapsed, waits_for },
        ts
      );
    const working = after(started(), clock('', 40, 100));
    expect(workTimes(working, 105)).toEqual({ elapsed: 45, left: 555 });
    const held = reduceRun(working, [clock('go_on', 50, 110)]);
    expect(workTimes(held, 500)).toEqual({ elapsed: 50, left: 550 });
    const again = reduceRun(held, [clock('', 50, 500)]);
    expect(workTimes(again, 501)).toEqual({ elapsed: 51, left: 549 });
    const opened = withSummaries(
      [],
      [
        summary({ elapsed: 7, as_of: 20, seconds_left: 3, waits_for: 'answer' })
      ],
      new Map()
    );
    expect(workTimes(opened[0], 30)).toEqual({ elapsed: 7, left: 3 });
    const elsewhere = withSummaries(
      [],
      [summary({ elapsed: 7, as_of: 20, seconds_left: null })],
      new Map()
    );
    expect(workTimes(elsewhere[0], 30)).toEqual({ elapsed: 17, left: null });
  });

  it('takes a step and the later ones as not done once the notebook went back to before it', () => {
    const steps = ['a', 'b', 'c'].map(id => ({ id, status: 'done' }));
    const found = (step_id: string, kind: string) =>
      event('result', { step_id, finding: { kind } as any });
    const run = after(
      started(),
      event('cell.finished', { step_id: 'a', ok: true, seconds: 3 }),
      event('cell.finished', { step_id: 'c', ok: true, seconds: 4 }),
      found('a', 'note'),
      found('c', 'note'),
      found('c', 'test_opening'),
      event('plan.updated', { steps } as any),
      event('run.finished', {
        status: 'completed',
        sentence: 'Done.',
        selected: 'baseline',
        questions: []
      })
    );
    const told = { steps: ['b', 'c'], sentence: 'Gone back.' };
    const back = reduceRun(run, [event('notebook.restored', told)]);
    expect(back).toMatchObject({
      status: 'interrupted',
      resumable: true,
      sentence: 'Gone back.',
      selected: null,
      stepSeconds: { a: 3 }
    });
    expect(back.plan?.steps.map(step => step.status)).toEqual([
      'done',
      'pending',
      'pending'
    ]);
    expect(
      back.timeline.map(item =>
        item.kind === 'finding' ? item.finding.kind : item.kind
      )
    ).toEqual(['note', 'test_opening', 'notice']);
    expect(run.plan?.steps.map(step => step.status)).toEqual(
      steps.map(() => 'done')
    );
  });

  it('drops what it said of a cell once the cell reads as the run wrote it again', () => {
    const changed = (cell_id: string, change: any) =>
      event('notebook.changed', { cell_id, change, sentence: change });
    const run = after(
      started(),
      event('text.delta', { text: 'Not sandboxed.', loud: true }),
      changed('a', 'edited'),
      changed('b', 'deleted'),
      changed('a', 'taken_back')
    );
    expect(run.timeline.map(item => 'text' in item && item.text)).toEqual([
      'Not sandboxed.',
      'deleted'
    ]);
  });

  it('takes 10,000 events in batches without copying the list for each event', () => {
    let run = newRun('r');
    const began = performance.now();
    for (let batch = 0; batch < 100; batch++) {
      const events = Array.from({ length: 100 }, () =>
        event('error.diagnosed', { step_id: `${seq}`, message: 'm' })
      );
      run = reduceRun(run, events);
    }
    expect(run.timeline).toHaveLength(10_000);
    expect((performance.now() - began) / 100).toBeLessThan(16);
  });
});

describe('the runs of the server', () => {
  it('keeps what events told when a list comes', () => {
    const runs = withEvents([], [event('run.started', { intent: 'i' })]);
    const listed = withSummaries(runs, [summary({ last_seq: 0 })], new Map());
    expect(listed).toHaveLength(1);
    expect(listed[0]).toMatchObject({ seq: 0, notebook: 'n.ipynb' });
  });

  it('reads a run anew when the server was started anew and counts from the start', () => {
    const runs = [{ ...newRun('r'), seq: 50 }];
    const listed = withSummaries(
      runs,
      [summary({ last_seq: 3, status: 'interrupted' })],
      new Map([['r', 50]])
    );
    expect(listed[0]).toMatchObject({ seq: -1, status: 'interrupted' });
  });

  it('does not let an older list undo what newer events told', () => {
    const runs = [{ ...newRun('r'), seq: 50, status: 'completed' as const }];
    const listed = withSummaries(runs, [summary({ last_seq: 49 })], new Map());
    expect(listed[0].status).toBe('completed');
  });

  it('shows a run that was started elsewhere first', () => {
    const runs = withEvents([newRun('old')], [event('run.started', {})]);
    expect(runs.map(run => run.id)).toEqual(['r', 'old']);
  });
});
