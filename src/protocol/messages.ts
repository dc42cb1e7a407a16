// Written by `jlpm protocol` from clinjup/server/protocol.py. Do not edit.

export const VERSION = 1;

export interface IAbout {
  /** where the Claude planner would send; None = it cannot be used */
  claude: IDestination | null;
  /** why the Claude planner cannot be used, and what to do */
  claude_sentence: string;
  examples: Array<IExample>;
  limits: ILimits;
  v: 1;
  version: string;
  /** sentences the panel shows, e.g. about an open MCP port */
  warnings: Array<string>;
}

export interface IActionProposed {
  action: string;
  sentence: string;
  step_id: string;
}

/** Answers by question id; a question left away takes its default. */
export interface IAnswers {
  answers: Record<string, string>;
}

/** More text at the end of output number `index` of a cell. `offset` is the length it had before, so that twice is once. */
export interface IAppendStream {
  id: string;
  index: number;
  offset: number;
  op: 'append_stream';
  /** client whose edit this is; None = the run's */
  origin: string | null;
  seq: number;
  text: string;
}

/** Who must agree before a cell runs; the same four words everywhere. */
export type Approval = 'each' | 'risky' | 'none' | 'plan-only';

export interface IApprovalAnswer {
  approved: boolean;
}

/** A card: the code, why it is asked about, yes or no by POST approvals/{sha256}. */
export interface IApprovalRequested {
  reason: string;
  sha256: string;
  source: string;
  step_id: string;
}

export interface IApprovalResolved {
  approved: boolean;
  sha256: string;
}

/** Label x confounder per split, before any training. */
export interface IAssociationFinding {
  confounder: string;
  /** split -> {positive_with, positive_without, negative_with, ...} */
  counts: Record<string, Record<string, number>>;
  kind: 'association';
  odds_ratios: Record<string, IEstimate>;
}

export interface IAuditFinding {
  /** images of each class that are left */
  classes: Record<string, number>;
  /** of them, name -> {present, absent, unknown} */
  confounders: Record<string, Record<string, number>>;
  excluded: Array<IExcluded>;
  images_checked: number;
  kind: 'audit';
  warnings: Array<IDataWarning>;
}

/** What calibrates the probability that a model states: its logit / `temperature` + `offset`. Fitted on validation. */
export interface ICalibration {
  offset: number;
  temperature: number;
}

/** A cell as nbformat has it. */
export interface ICell {
  attachments: Record<string, any> | null;
  cell_type: 'code' | 'markdown' | 'raw';
  execution_count: number | null;
  id: string;
  metadata: Record<string, any>;
  /** of code cells */
  outputs: Array<Record<string, any>>;
  source: string;
}

/** `markdown` is shown; `source`, where there is one, is offered as a new cell below and runs only when the user says so. */
export interface ICellAnswer {
  markdown: string;
  /** only a model can say more; the panel says how to connect one */
  needs_model: boolean;
  source: string | null;
  v: 1;
}

export interface ICellFinished {
  attempt: number;
  cell_id: string;
  ok: boolean;
  seconds: number;
  step_id: string;
}

export interface ICellInserted {
  attempt: number;
  cell_id: string;
  step_id: string;
  type: 'markdown' | 'code';
}

/** The error output of a cell. */
export interface ICellProblem {
  message: string;
  name: string;
  traceback?: string;
}

/** Where a long cell stands: done, total, seconds_left (contracts.Progress). Not kept for replay. */
export interface ICellProgress {
  detail: string;
  done: number;
  label: string;
  seconds_left: number | null;
  total: number;
  unit: string;
}

export interface ICellRequest {
  cell_id: string;
  error?: ICellProblem | null;
  /** the cell's `metadata.clinjup`, if any */
  metadata?: Record<string, any>;
  notebook: string;
  source: string;
}

export interface ICellStarted {
  attempt: number;
  cell_id: string;
  step_id: string;
}

/** Whether the run is executing the cell ([*] beside it). */
export interface ICellState {
  execution_count: number | null;
  id: string;
  op: 'state';
  /** client whose edit this is; None = the run's */
  origin: string | null;
  seq: number;
  state: 'idle' | 'running';
}

/** The notebook went back to before a step; that step and the later ones are to be done again. */
export interface ICheckpointRestored {
  sentence: string;
  /** ids of the steps that are to be done again */
  steps: Array<string>;
}

export interface ICohortFinding {
  classes: Record<string, number>;
  /** name -> {present, absent, unknown} */
  confounders: Record<string, Record<string, number>>;
  excluded: Array<IExcluded>;
  /** whom `patients` counts: patient, lesion or case */
  grouped_by: string;
  images: number;
  kind: 'cohort';
  layout: string;
  patients: number;
  synthetic: boolean;
  target: string;
  warnings: Array<IDataWarning>;
}

/** How far one model leans on one confounder. Definitions stand in evaluation/confounders/. */
export interface IConfounderResult {
  auroc_with: IEstimate;
  auroc_without: IEstimate;
  cam_energy_in_mask: IEstimate;
  cam_energy_outlined: IEstimate;
  cam_pointing: IEstimate;
  cross_strata_auroc: IEstimate;
  delta_probability: IEstimate;
  false_alarm_increase: IEstimate;
  false_alarms_after: IEstimate;
  false_alarms_before: IEstimate;
  flip_rate: IEstimate;
  placebo_increase: IEstimate;
  removal_flip_rate: IEstimate;
  removal_placebo_flip_rate: IEstimate;
  worst_group_auroc: IEstimate;
}

/** Of several classes: `counts[i][j]` images of class i that the model named class j; `classes` in words. */
export interface IConfusion {
  classes: Array<string>;
  counts: Array<Array<number>>;
}

export interface IDataWarning {
  code: string;
  /** all that it is about, where the sentence names a few of them only */
  files: Array<string>;
  sentence: string;
}

export interface IDelete {
  id: string;
  op: 'delete';
  /** client whose edit this is; None = the run's */
  origin: string | null;
  over: string | null;
  seq: number;
}

/** Where a run's requests to a model go. Always in sight. */
export interface IDestination {
  /** host name of the model's server, e.g. api.anthropic.com */
  host: string | null;
  /** that server is on this machine */
  loopback: boolean;
  /** nothing is sent to any model */
  offline: boolean;
}

/** What went wrong, in a sentence. The mending follows as a new attempt, told by `repair`. */
export interface IErrorDiagnosed {
  attempt: number;
  message: string;
  step_id: string;
}

/** One figure with its 95 % confidence interval, or the reason why it cannot be had. */
export interface IEstimate {
  ci95: [number, number] | null;
  /** images it rests on */
  n: number | null;
  /** how to read it, e.g. the prevalence that a predictive value is stated at */
  note: string | null;
  reason: string | null;
  value: number | null;
}

/** A final model on the test set. */
export interface IEvaluationFinding {
  /** where the table of predictions has a calibrated probability */
  calibration: ICalibration | null;
  confounders: Record<string, IConfounderResult>;
  confusion: IConfusion | null;
  kind: 'evaluation';
  metrics: Record<string, IEstimate>;
  name: string;
  operating_point: IOperatingPoint;
  strata: Array<IStratum>;
  /** whether the table of predictions says refer or reassure */
  wording: boolean;
}

/** What the events socket sends, at most 10 a second. */
export interface IEventBatch {
  events: Array<IRunEvent>;
  v: 1;
}

/** One of the clinical requests, on synthetic data. */
export interface IExample {
  available: boolean;
  /** pneumothorax, dermoscopy, melanoma, wrist, wrist-weak */
  id: string;
  intent: string;
  /** why it is not available yet */
  sentence: string;
  title: string;
}

export interface IExcluded {
  path: string;
  reason: string;
}

/** One hypothesis, one change, judged on validation. */
export interface IExperiment {
  change: string;
  hypothesis: string;
  metric: string;
  name: string;
  outcome: 'baseline' | 'kept' | 'discarded' | 'crashed' | 'skipped';
  reason: string;
  validation: IEstimate;
}

export interface IFigureFinding {
  alt: string;
  caption: string;
  kind: 'figure';
  name: string;
  /** relative to the run folder, e.g. plots/roc.png */
  path: string;
  title: string;
}

export interface IHello {
  /** random id of this tab, the same after a reconnect */
  client: string;
  /** model.collaborative (rule 13) */
  collaborative?: boolean;
  /** last op that was applied; of a file just loaded its metadata.clinjup.seq, else 0 */
  since?: number;
  type: 'hello';
  v: 1;
}

export interface IJournalRecord {
  data: Record<string, any>;
  kind: string;
  n: number;
  t: string;
}

export interface IJournalRecords {
  intact: boolean;
  records: Array<IJournalRecord>;
  sentence: string;
  v: 1;
}

/** What the admin allows. */
export interface ILimits {
  /** whether a model may be shown figures, which can show films */
  allow_images: boolean;
  /** hosts a model may be reached at; empty = any */
  allowed_hosts: Array<string>;
  /** the freest approval that may be chosen: each < risky < none */
  max_approval: Approval;
  max_run_hours: number;
}

/**
 * Start a run. With `example` the server draws the synthetic cohort first, and `intent` and `data` may be left away.
 *
 * The drawing is told as `cell.progress` of the run, which has no notebook yet; a second `run.started` names it.
 */
export interface INewRun {
  answers?: Record<string, string>;
  approval?: Approval;
  base_url?: string | null;
  budget_minutes?: number;
  /** folder, absolute or relative to the server's root */
  data?: string;
  example?: string | null;
  intent?: string;
  local_only?: boolean;
  max_cost?: number | null;
  max_fix_attempts?: number;
  model?: string | null;
  network?: string | null;
  /** contents path of an existing notebook; None = a new notebook in the run's folder */
  notebook?: string | null;
  /** size of the synthetic cohort of an example */
  patients?: number | null;
  planner?: 'offline' | 'claude';
  /** 'hub', or a path, absolute or relative to the server's root */
  pretrained?: string | null;
  seed?: number;
  share_images?: boolean;
}

/** A sentence worth keeping that fits nowhere else. */
export interface INoteFinding {
  kind: 'note';
  sentence: string;
}

export interface INotebookMetadata {
  /** keys to set in the notebook's metadata */
  metadata: Record<string, any>;
  op: 'nbmeta';
  /** client whose edit this is; None = the run's */
  origin: string | null;
  seq: number;
}

export interface IOperatingPoint {
  /** of a detector: share of the true boxes that are marked */
  box_sensitivity: IEstimate | null;
  /** of a detector */
  false_marks_per_image: IEstimate | null;
  rule: string;
  sensitivity: IEstimate;
  specificity: IEstimate;
  threshold: number;
}

export interface IOps {
  /** these follow op `after`; a tab whose last op is older missed some and says hello again */
  after: number;
  ops: Array<IUpsert | IDelete | IOrder | IOutputs | IAppendStream | ICellState | INotebookMetadata | ISave | IRevert>;
  type: 'ops';
  /** the tab's last op is this one, once these are applied */
  until: number;
  v: 1;
}

/** The user moved cells: all ids in order. */
export interface IOrder {
  ids: Array<string>;
  op: 'order';
  /** client whose edit this is; None = the run's */
  origin: string | null;
  seq: number;
}

/** All outputs of a cell. Applied outside of undo. */
export interface IOutputs {
  execution_count: number | null;
  id: string;
  op: 'outputs';
  /** client whose edit this is; None = the run's */
  origin: string | null;
  outputs: Array<Record<string, any>>;
  seq: number;
  state: 'idle' | 'running';
}

/** Somebody pressed pause, or go on. The running cell ends first: `run.clock` tells when the run is held. */
export interface IPaused {
  paused: boolean;
}

/** Code that waits for a yes or a no; binds to the hash. Survives a reload of the page. */
export interface IPendingApproval {
  reason: string;
  sha256: string;
  source: string;
  step_id: string;
}

/** Keeps the lease. */
export interface IPing {
  type: 'ping';
  v: 1;
}

/** The plan with the state of each step (contracts.Plan). */
export interface IPlanUpdated {
  objective: string;
  steps: Array<IStep>;
}

/** A table of predictions written under RUN/cache, to be published as RUN/predictions.csv by the run's owner. */
export interface IPredictionsFinding {
  kind: 'predictions';
  path: string;
  rows: number;
}

/** What every route answers when it cannot do what was asked. */
export interface IProblem {
  code: 'malformed' | 'not_found' | 'refused' | 'unusable_data' | 'planner_unusable' | 'unsupported' | 'run_folder' | 'notebook' | 'not_allowed' | 'not_now' | 'fault';
  /** what can be done instead of a refused request */
  instead: Array<string>;
  sentence: string;
  v: 1;
}

/** Something only the clinician can know. `text` and the options' texts are in the clinician's language. */
export interface IQuestion {
  default: string | null;
  id: string;
  options: Array<IQuestionOption>;
  /** an answer that is none of the options is welcome too */
  own_words: boolean;
  step_id: string | null;
  text: string;
}

export interface IQuestionAnswered {
  answers: Record<string, string>;
}

export interface IQuestionAsked {
  questions: Array<IQuestion>;
}

export interface IQuestionOption {
  text: string;
  value: string;
}

/** A snapshot after each `welcome` that says live: rule 5. All sources are given. */
export interface IRejoin {
  cells: Array<ISnapshotCell>;
  /** context.contentsModel.last_modified: which file the tab has loaded or saved */
  file: string | null;
  n: number;
  seq: number;
  type: 'rejoin';
  /** ids of the cells whose text is not that of this file */
  typed: Array<string>;
  v: 1;
}

export interface IRepaired {
  attempt: number;
  /** what was changed, in one sentence */
  change: string;
  step_id: string;
}

export interface IRestore {
  step_id: string;
}

export interface IRestored {
  /** cells in the notebook now */
  cells: number;
  sentence: string;
  step_id: string;
  v: 1;
}

/** A Finding. A figure's `path` is for GET runs/{id}/files/{path}. `finding` is one of contracts.Finding. */
export interface IResult {
  finding: ICohortFinding | IAuditFinding | ISplitFinding | IAssociationFinding | ITrainingFinding | IValidationFinding | ISelectionFinding | ITestOpeningFinding | IEvaluationFinding | IPredictionsFinding | IFigureFinding | INoteFinding;
  step_id: string;
}

export interface IResume {
  answers?: Record<string, string>;
}

/** The server wrote the file: reload it (`context.revert()`). */
export interface IRevert {
  op: 'revert';
  /** client whose edit this is; None = the run's */
  origin: string | null;
  seq: number;
}

/** How long the run has worked, all tries together, and whether time goes by. Told when its clock stops or goes on; it counts from `ts`. */
export interface IRunClock {
  elapsed: number;
  /** of the time budget, at most */
  seconds_left: number;
  /** what it waits for while its clock stands: go_on (a pause that has taken effect), answer, approval */
  waits_for: '' | 'go_on' | 'answer' | 'approval';
}

/** One event (contracts.Event). `data` is what EVENT_DATA says for its type. */
export interface IRunEvent {
  data: Record<string, any>;
  run_id: string;
  seq: number;
  ts: number;
  type: string;
  v: 1;
}

/** The end. The `sentence` of a completed run is its verdict, as in results.json; `cautions` say why not to take it as it stands. */
export interface IRunFinished {
  cautions: Array<string>;
  questions: Array<IQuestion>;
  /** name for GET runs/{id}/files/{name} */
  report: string | null;
  /** `resume` would go on with it */
  resumable: boolean;
  /** how long it has worked, all tries together; as in the report */
  seconds: number | null;
  selected: string | null;
  sentence: string;
  status: RunStatus;
}

export interface IRunList {
  /** newest first */
  runs: Array<IRunSummary>;
  v: 1;
}

export interface IRunStarted {
  approval: Approval;
  budget_seconds: number;
  destination: IDestination;
  folder: string;
  intent: string;
  notebook: string;
  planner: string;
  resumed: boolean;
  started: number;
}

export type RunStatus = 'running' | 'completed' | 'needs_answer' | 'failed' | 'refused' | 'interrupted';

/** One run, as it stands. */
export interface IRunSummary {
  approvals: Array<IPendingApproval>;
  /** seconds since 1970 */
  as_of: number;
  budget_seconds: number;
  destination: IDestination;
  /** seconds it has worked up to `as_of`, all tries together; as in the report */
  elapsed: number;
  /** the run folder as the server sees it */
  folder: string;
  /** its contents path, where it lies below the server's root */
  folder_path: string | null;
  id: string;
  intent: string;
  /** seq of its newest event; -1 = none */
  last_seq: number;
  /** contents path, to open the document by; empty while an example's images are drawn */
  notebook: string;
  /** pause was pressed; `waits_for` is go_on once the running cell has ended */
  paused: boolean;
  questions: Array<IQuestion>;
  /** `resume` would go on with it */
  resumable: boolean;
  /** of the time budget, at most; 0 for a run that has ended; null for one that another program carries */
  seconds_left: number | null;
  sentence: string;
  /** when it was first started, in seconds since 1970 */
  started: number;
  status: RunStatus;
  v: 1;
  /** what it waits for while its clock stands: go_on, answer, approval; empty = it works, or has ended */
  waits_for: '' | 'go_on' | 'answer' | 'approval';
}

/** The owner saves now; the others do nothing. */
export interface ISave {
  op: 'save';
  /** client whose edit this is; None = the run's */
  origin: string | null;
  seq: number;
}

/** The owner has saved the file; `seq` as it stands in its metadata. */
export interface ISaved {
  /** contents model's hash, where there is one */
  hash?: string | null;
  ok?: boolean;
  seq: number;
  type: 'saved';
  v: 1;
}

export interface ISelectionFinding {
  experiments: Array<IExperiment>;
  kind: 'selection';
  rule: string;
  selected: string;
  sentence: string;
}

/** All cells of the tab, in order. */
export interface ISnapshot {
  cells: Array<ISnapshotCell>;
  /** counts up in each client */
  n: number;
  /** last op that was applied */
  seq: number;
  type: 'snapshot';
  v: 1;
}

/** One cell of a tab. null = as the server has told it. */
export interface ISnapshotCell {
  attachments?: Record<string, any> | null;
  id: string;
  metadata?: Record<string, any> | null;
  /** seq of the op whose text this cell's `base` is; of a file just loaded as in hello */
  seq?: number;
  source?: string | null;
  type: 'code' | 'markdown' | 'raw';
}

export interface ISplitCount {
  images: number;
  patients: number;
  positives: number;
}

export interface ISplitFinding {
  /** images of each class in the three parts together */
  classes: Record<string, number>;
  /** of them, name -> {present, absent, unknown} */
  confounders: Record<string, Record<string, number>>;
  excluded: Array<IExcluded>;
  /** whom `patients` counts: patient, lesion or case */
  grouped_by: string;
  kind: 'split';
  method: string;
  split: Record<string, ISplitCount>;
  warnings: Array<IDataWarning>;
}

/** One step of the plan; `parameters` fill the parameter block of the recipe. */
export interface IStep {
  depends_on: Array<string>;
  id: string;
  note: string | null;
  /** may be skipped when the time budget is spent */
  optional: boolean;
  parameters: Record<string, any>;
  recipe: string;
  status: StepStatus;
  title: string;
  /** fill the $places of the recipe's markdown cell */
  words: Record<string, string>;
}

export type StepStatus = 'pending' | 'running' | 'done' | 'failed' | 'skipped';

/** Metrics in one subgroup; `value` e.g. 'with chest drain'. */
export interface IStratum {
  attribute: string;
  images: number;
  metrics: Record<string, IEstimate>;
  positives: number;
  value: string;
}

/** Told again, with the same `opened_at`, by each cell that evaluates on the test set. */
export interface ITestOpeningFinding {
  /** whom `patients` counts: patient, lesion or case */
  grouped_by: string;
  images: number;
  kind: 'test_opening';
  models: Array<string>;
  /** when the test set was opened, ISO 8601 in UTC */
  opened_at: string;
  patients: number;
}

/** Words of the planner, or of clinjup itself; `loud` ones are shown as a warning. */
export interface ITextDelta {
  loud: boolean;
  text: string;
}

export interface ITrainingFinding {
  architecture: string;
  checkpoint: string;
  device: string;
  epochs: number;
  kind: 'training';
  mitigation: string | null;
  name: string;
  parameters: number;
  precision: string;
  seconds: number;
  seed: number;
  stopped: 'all epochs' | 'time budget' | 'early stopping' | 'loaded from checkpoint';
}

/** A sentence for the clinician: notebook moved, read-only, disk full ... */
export interface ITrouble {
  sentence: string;
  type: 'trouble';
  v: 1;
}

/** Make cell `cell.id` this cell, after cell `after` (None = first). Where it exists it keeps its place. */
export interface IUpsert {
  after: string | null;
  cell: ICell;
  op: 'upsert';
  /** client whose edit this is; None = the run's */
  origin: string | null;
  /** the text it replaces, which the server holds; see rule 2 */
  over: string | null;
  seq: number;
}

/** What a model has cost so far. */
export interface IUsage {
  cached_tokens: number;
  /** US dollars so far */
  cost: number;
  max_cost: number | null;
  model: string;
  requests: number;
  seconds_left: number | null;
  tokens: number;
}

/** The user changed the notebook in a way that the run has to know. */
export interface IUserChanged {
  cell_id: string;
  /** taken_back: the cell is there; what was told of it before is over */
  change: 'deleted' | 'edited' | 'kept_beside' | 'taken_back';
  sentence: string;
  step_id: string;
}

export interface IUserOutputs {
  execution_count?: number | null;
  id: string;
  outputs: Array<Record<string, any>>;
  type: 'user_outputs';
  v: 1;
}

/** A model on validation: metrics, the frozen operating point, confounder checks. */
export interface IValidationFinding {
  confounders: Record<string, IConfounderResult>;
  kind: 'validation';
  metrics: Record<string, IEstimate>;
  name: string;
  operating_point: IOperatingPoint;
}

/** Answer to hello, and again whenever something in it changes (a run starts or ends, ownership passes on). */
export interface IWelcome {
  /** rule 12: a tab without kernel changes to this one */
  kernel_id: string | null;
  kernel_name: string | null;
  /** a run owns this notebook */
  live: boolean;
  /** this tab writes the file and may edit */
  owner: boolean;
  run_id: string | null;
  /** shown in the notebook's banner, e.g. to a second tab */
  sentence: string;
  /** newest op */
  seq: number;
  type: 'welcome';
  v: 1;
}

/** The type of `data` for each type of event. */
export interface IEventData {
  'action.proposed': IActionProposed;
  'approval.requested': IApprovalRequested;
  'approval.resolved': IApprovalResolved;
  'cell.finished': ICellFinished;
  'cell.inserted': ICellInserted;
  'cell.progress': ICellProgress;
  'cell.started': ICellStarted;
  'error.diagnosed': IErrorDiagnosed;
  'error.repaired': IRepaired;
  'notebook.changed': IUserChanged;
  'notebook.restored': ICheckpointRestored;
  'plan.updated': IPlanUpdated;
  'question.answered': IQuestionAnswered;
  'question.asked': IQuestionAsked;
  'result': IResult;
  'run.clock': IRunClock;
  'run.finished': IRunFinished;
  'run.paused': IPaused;
  'run.started': IRunStarted;
  'text.delta': ITextDelta;
  'usage': IUsage;
}
