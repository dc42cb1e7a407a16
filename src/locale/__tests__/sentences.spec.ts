import { nullTranslator } from '@jupyterlab/translation';

import { newRun } from '../../state/run';
import { bundleOf, spoken, translated } from '../../translation';
import german from '../de.json';
import server from '../server.json';

const trans = bundleOf(nullTranslator, 'de');
const say = (sentence: string) => translated(sentence, trans);

describe('a sentence of the server, in German', () => {
  it('has its names in German', () => {
    expect(say('Does the chest drain go with the label?')).toBe(
      'Hängt das mit der Diagnose zusammen: Thoraxdrainage?'
    );
    expect(say('Grad-CAM with a chest drain drawn in')).toBe(
      'Grad-CAM mit eingezeichnetem Objekt (Thoraxdrainage)'
    );
    expect(say('Train: insertion augmentation, against casts and metal')).toBe(
      'Training: insertion augmentation, gegen den Störfaktor (Gips und Metall)'
    );
    expect(say('actinic keratosis')).toBe('aktinische Keratose');
  });

  it('holds other sentences of the server in German', () => {
    expect(
      say(
        "The step 'Open the test set, once' was left out, and with it all that rests on it. left out because the time budget was spent"
      )
    ).toBe(
      'Der Schritt „Testdaten öffnen, einmal“ wurde ausgelassen, und mit ihm alles, was auf ihm beruht. ausgelassen, weil das Zeitbudget verbraucht war'
    );
  });

  it('is told sentence by sentence where only parts are known', () => {
    expect(say('All steps are done. A sentence that nobody knows.')).toBe(
      'Alle Schritte sind erledigt. A sentence that nobody knows.'
    );
  });

  it('keeps names of columns and of models as they are', () => {
    expect(
      say(
        "The column 'ruler' says which images show a ruler; you did not name it, so no model is trained against it."
      )
    ).toBe(
      'Die Spalte „ruler“ sagt, welche Bilder den Störfaktor (Lineal) zeigen; Sie haben ihn nicht genannt, deshalb: kein Modell wird dagegen trainiert.'
    );
    expect(
      say(
        'The worst-group AUROC cannot decide: only 5\u00a0positives and 0\u00a0negatives of this kind. baseline goes on: worst-group AUROC on validation 0.86, jtt 0.67; overall validation AUROC 0.92, jtt 0.98. False alarms when a chest drain is inserted: baseline +18\u00a0points.'
      )
    ).toBe(
      'Die Kennzahl „AUROC der schwächsten Gruppe“ kann nicht entscheiden: nur 5\u00a0Positive und 0\u00a0Negative von dieser Art. Weiter geht baseline: AUROC der schwächsten Gruppe auf den Validierungsdaten 0,86, jtt 0,67; AUROC insgesamt auf den Validierungsdaten 0,92, jtt 0,98. Fehlalarme, wenn eingezeichnet wird (Thoraxdrainage): baseline +18\u00a0points.'
    );
  });

  it('may be the verdict of a run', () => {
    expect(
      say(
        'Inserting a chest drain raised false alarms from 16\u00a0% to 65\u00a0%; after balancing, from 18\u00a0% to 26\u00a0% (458\u00a0films each). Of 100 films with pneumothorax the chosen model, balanced sampling, finds 91; of 100 without, it raises a false alarm on 23. Of the 45\u00a0films with pneumothorax but without a chest drain it finds 87\u00a0% (95 % CI 75–99). The model leans strongly on the chest drain.'
      )
    ).toBe(
      'Das Einzeichnen (Thoraxdrainage) erhöhte die Fehlalarme von 16\u00a0% auf 65\u00a0%; nach Ausgleichen von 18\u00a0% auf 26\u00a0% (je 458\u00a0Aufnahmen). Von 100 Bildern mit dem Befund (Pneumothorax) findet das gewählte Modell (balanced sampling) 91; von 100 ohne den Befund löst es einen Fehlalarm aus bei 23. Von den 45\u00a0Aufnahmen mit dem Befund (Pneumothorax), aber ohne Störfaktor (Thoraxdrainage) findet es 87\u00a0% (95-%-KI 75–99). Das Modell stützt sich stark auf den Störfaktor (Thoraxdrainage).'
    );
    expect(
      say(
        'Inserting a chest drain raised false alarms on validation from 16\u00a0% to 65\u00a0%; after balancing, it did not measurably change them: 18\u00a0% before, 26\u00a0% after (1,458\u00a0films each). Of 100 films with pneumothorax it finds 91; of 100 without, it raises a false alarm on 16 (validation; the test set was not opened).'
      )
    ).toBe(
      'Das Einzeichnen (Thoraxdrainage) erhöhte die Fehlalarme auf den Validierungsdaten von 16\u00a0% auf 65\u00a0%; nach Ausgleichen änderte es sie nicht messbar: 18\u00a0% davor, 26\u00a0% danach (je 1.458\u00a0Aufnahmen). Von 100 Bildern mit dem Befund (Pneumothorax) findet es 91; von 100 ohne den Befund löst es einen Fehlalarm aus bei 16 (Validierung; die Testdaten wurden nicht geöffnet).'
    );
  });

  it('says whether the goal was reached and the model is of use', () => {
    expect(
      say(
        'The goal, a sensitivity of at least 95\u00a0%, was not reached on the test set (11\u00a0images with melanoma): nobody should be reassured by this model alone. If one missed melanoma weighs as much as 10 false alarms, its net benefit is 0.108 per image, that of referring everyone 0.120, that of referring no one 0: on these images it is no better than referring everyone.'
      )
    ).toBe(
      'Das Ziel, eine Sensitivität von mindestens 95\u00a0%, wurde auf den Testdaten nicht erreicht (11\u00a0Bilder mit dem Befund: Melanom): Niemand sollte allein aufgrund dieses Modells beruhigt werden. Wiegt ein übersehener Fall (Melanom) so viel wie 10 Fehlalarme, ist sein Nettonutzen 0,108 je Bild, der Nettonutzen, alle zu überweisen, 0,120, der, niemanden zu überweisen, 0: Auf diesen Bildern ist es nicht besser, als alle zu überweisen.'
    );
    expect(
      say(
        'The goal, a sensitivity of at least 95\u00a0%, was reached on these films (95.5\u00a0%), but the lower end of the 95 % confidence interval is 93.5\u00a0%, below the goal, so it is not confirmed for patients to come (900\u00a0films with pneumothorax): nobody should be reassured by this model alone. If one missed pneumothorax weighs as much as 10 false alarms, its net benefit is 0.040 per film, that of referring everyone 0.040, that of referring no one 0: at a prevalence of 12\u00a0% there is no clear difference from referring everyone.'
      )
    ).toBe(
      'Das Ziel, eine Sensitivität von mindestens 95\u00a0%, wurde auf diesen Bildern erreicht (95,5\u00a0%), aber die untere Grenze des 95-%-Konfidenzintervalls liegt mit 93,5\u00a0% darunter, also ist es für künftige Patienten nicht bestätigt (900\u00a0Aufnahmen mit dem Befund: Pneumothorax): Niemand sollte allein aufgrund dieses Modells beruhigt werden. Wiegt ein übersehener Fall (Pneumothorax) so viel wie 10 Fehlalarme, ist sein Nettonutzen 0,040 je Bild, der Nettonutzen, alle zu überweisen, 0,040, der, niemanden zu überweisen, 0: Bei einer Prävalenz von 12\u00a0% ist kein klarer Unterschied dazu zu sehen, alle zu überweisen.'
    );
  });

  it('has titles of steps in German, in quotes', () => {
    expect(
      say(
        "A cell of 'Load the cohort' was deleted or changed. The step is done again, in its place, and so are 'Split into three parts', 'Train: baseline'."
      )
    ).toBe(
      'Eine Zelle zu „Kohorte laden“ wurde gelöscht oder geändert. Der Schritt wird an seiner Stelle neu ausgeführt, ebenso „Aufteilung in drei Teile“, „Training: baseline“.'
    );
  });

  it('keeps the emphasis of an explanation', () => {
    const cell = 'Split into three parts';
    const does =
      'Divides the cohort into training, validation and test so that no patient or lesion is in two parts.';
    expect(say(`**${cell}.** ${does}\n\nThe cell's own text.`)).toBe(
      "**Aufteilung in drei Teile.** Teilt die Kohorte so in Trainings-, Validierungs- und Testdaten, dass kein Patient und keine Läsion in zwei Teilen ist.\n\nThe cell's own text."
    );
  });

  it('stays as it is where the catalogue does not have it, and in English', () => {
    expect(say('with care, this is free text. It goes on.')).toBe(
      'with care, this is free text. It goes on.'
    );
    const english = bundleOf(nullTranslator, 'en');
    expect(translated('All steps are done.', english)).toBe(
      'All steps are done.'
    );
  });

  it.each(server)('is found with anything filled in: %s', english => {
    const fill = (text: string) => text.replace(/%(\d+)/g, 'word$1');
    const catalogue = german as unknown as Record<string, string[]>;
    expect(say(fill(english))).toBe(fill(catalogue[english][0]));
  });
});

describe('a run, in German', () => {
  const [roc, load] = ['ROC curves on the test set', 'Load the cohort'];
  const figure = {
    kind: 'figure' as const,
    name: 'roc',
    path: 'plots/roc.png',
    title: roc,
    caption: '',
    alt: ''
  };
  const step = {
    id: 'load',
    title: load,
    status: 'done' as const,
    note: null
  };
  const run = {
    ...newRun('r'),
    intent: 'All steps are done.',
    sentence: 'All steps are done.',
    plan: { steps: [step] } as any,
    timeline: [
      { key: '1', kind: 'finding' as const, stepId: 'test', finding: figure },
      { key: '2', kind: 'text' as const, text: 'All steps are done.' }
    ]
  };

  it('has the words of the server translated, and nobody else’s', () => {
    const said = spoken(run, trans);
    expect(said.sentence).toBe('Alle Schritte sind erledigt.');
    expect(said.plan!.steps[0].title).toBe('Kohorte laden');
    expect(say(roc)).toBe('ROC-Kurven auf den Testdaten');
    expect((said.timeline[0] as any).finding).toEqual({
      ...figure,
      title: say(roc)
    });
    expect(said.intent).toBe(run.intent);
    expect(said.timeline[1]).toBe(run.timeline[1]);
  });

  it('is the same object as long as the run is', () => {
    expect(spoken(run, trans)).toBe(spoken(run, trans));
    expect(spoken({ ...run }, trans).timeline).toBe(
      spoken(run, trans).timeline
    );
  });
});

it('a long text that nobody has translated comes back at once', () => {
  const text =
    'Of 12 images, in films of 3 patients, it goes on: AUROC on validation; n = 3, which was left out (see below) of 4. ';
  const long = text.repeat(30).trim();
  expect(say(long).length).toBeGreaterThan(long.length / 2);
});
