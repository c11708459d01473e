// The page: wires the editor, the settings, the runs and the stage together.
import { ApiError, tokenize } from './api.js';
import { copied } from './clipboard.js';
import { openCode } from './code-dialog.js';
import { Controls } from './controls.js';
import { byId, prefersLessMotion } from './dom.js';
import { fillEditor } from './editor.js';
import { parseDocument } from './holes.js';
import { askForKey } from './key-dialog.js';
import { ModelChooser } from './models.js';
import { hideNotice, showFailure, showNotice } from './notice.js';
import { Pending } from './pending.js';
import { Popover } from './popover.js';
import { expectedSizes, makeRequest } from './request.js';
import { Runs } from './runs.js';
import { Stage } from './stage.js';
import { drawCompare, drawTabs, listenToTabs } from './tabs.js';
import { startTheme } from './theme.js';

const COPIED_MS = 1500;
const WITH_OWN_KEYS = 'input, textarea, select, button, summary, dialog, .popover, pre';

const text = byId('text');
const runs = new Runs();
let active = null;

startTheme();
const controls = new Controls(() => stage.run === null && preview());
const models = new ModelChooser(() => controls.modelInAddress, chooseModel);
const popover = new Popover({ pin, ban, edit, rerun });
const pending = new Pending({ onRemove: () => stage.draw(), onRerun: () => rerun({ run: stage.run, step: stage.stepShown }) });
const stage = new Stage({
  onPoint: (lane, position, node, how) => {
    const target = how === 'leave' ? null : lane.targetAt(position);
    if (target) {
      popover.point(target, how);
    } else {
      popover.leave();
    }
  },
  onMove: () => {
    popover.refresh(({ lane, cell }) => lane.targetAt(cell.position));
    showChanges();
  },
});
fillEditor(text, byId('example'), byId('hole'), preview);
listenToTabs(runs, select);
listen();
preview();
models.load();

function listen() {
  byId('run').addEventListener('click', () => active ? active.stop() : start());
  byId('code').addEventListener('click', () => openCode(stage.run?.request ?? requestNow()));
  byId('copy-text').addEventListener('click', async () => {
    byId('copy-text').textContent = await copied(stage.run.trace.text) ? 'Copied' : 'No clipboard';
    setTimeout(() => byId('copy-text').textContent = 'Copy text', COPIED_MS);
  });
  byId('compare').addEventListener('change', event => {
    stage.compare(event.target.value === '' ? null : runs.list[Number(event.target.value)]);
  });
  document.querySelectorAll('[data-close]').forEach(button => button.addEventListener('click', () => button.closest('dialog').close()));
  // As a link it would take the place of the settings in the address.
  document.querySelector('.skip').addEventListener('click', event => {
    event.preventDefault();
    text.focus();
  });
  addEventListener('hashchange', () => {
    controls.readAddress();
    models.choose();
  });
  document.addEventListener('keydown', onKey);
}

// Keys work everywhere but where they already mean something.
function onKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key === 'Enter' && !active && !document.querySelector('dialog[open]')) {
    event.preventDefault();
    start();
    return;
  }
  const onCell = event.target.closest?.('[data-position]');
  const isTaken = event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(WITH_OWN_KEYS);
  const moves = onCell ? { PageUp: -1, PageDown: 1 } : { ArrowLeft: -1, ArrowRight: 1 };
  if (isTaken || !stage.run) {
    return;
  }
  if (event.key in moves) {
    event.preventDefault();
    stage.timeline.step(moves[event.key]);
  } else if (event.key === ' ' && !onCell) {
    event.preventDefault();
    stage.timeline.toggle();
  }
}

function chooseModel() {
  const model = models.chosen;
  controls.setModel(model);
  controls.writeAddress();
  byId('chat-row').hidden = !model.cinnabar?.chat;
  offerRace();
  if (stage.run === null) {
    preview();
  }
}

// A model that writes left to right has no place for a second hole.
function offerRace() {
  const rival = models.rival;
  const isPossible = parseDocument(text.value).sizes.length === 1;
  byId('race-row').hidden = !rival;
  byId('race').disabled = !isPossible;
  byId('race-name').textContent = rival ? `race against ${rival.id}${isPossible ? '' : ' (with one hole)'}` : '';
}

function requestNow(model = models.chosen ?? { id: 'MODEL' }) {
  return makeRequest(text.value, model, controls.values, byId('chat').checked);
}

function preview() {
  if (active) {
    return;
  }
  offerRace();
  const document = parseDocument(text.value);
  stage.preview(document, expectedSizes(document, controls.values, models.chosen));
  drawCompare(runs, null, null);
  drawTabs(runs, null, select);
  showChanges();
}

async function start() {
  const problem = controls.problem ?? (text.value.trim() === '' ? 'Type a text first: the model needs something to go on from.' : null);
  const model = models.chosen;
  if (problem || !model) {
    showNotice(problem ?? 'There is no model yet.');
    return;
  }
  const run = runs.begin(model, requestNow());
  offerRace();
  const rival = byId('race').matches(':checked:enabled') ? models.rival : undefined;
  if (rival) {
    run.rival = runs.beside(run, rival, requestNow(rival));
  }
  await read(run, start);
  if (run.rival && run.state === 'done') {
    await read(run.rival, start);
    if (run.rival.state === 'done' && stage.run === run) {
      stage.replay();
    }
  }
}

// Reads a run's stream and shows it as it arrives.
async function read(run, retry) {
  active?.stop();
  active = run;
  hideNotice();
  showRunning(true);
  if (runs.list.includes(run)) {
    select(run);
    revealCanvas();
  }
  await run.read(() => stage.update(run));
  if (active === run) {
    active = null;
    showRunning(false);
  }
  if (run.rival && run.state !== 'done') {
    run.rival.state = 'stopped'; // it will not be raced against
    stage.draw();
  }
  drawCompare(runs, stage.run, stage.isRace ? null : stage.other);
  drawTabs(runs, stage.run, select);
  if (run.state === 'failed') {
    await explain(run.error, retry);
  }
}

async function explain(error, retry) {
  if (error.kind === 'key' && await askForKey(error.message)) {
    retry();
    return;
  }
  const isKnown = error instanceof ApiError;
  showFailure(isKnown ? error : new ApiError('failed', `The page did not understand the server: ${error.message}.`), retry);
}

function showRunning(isRunning) {
  const button = byId('run');
  button.classList.toggle('stop', isRunning);
  button.firstChild.textContent = isRunning ? 'Stop ' : 'Run ';
  button.querySelector('kbd').hidden = isRunning;
}

// Where the canvas stands below the text, it comes into sight with a run.
function revealCanvas() {
  const canvas = document.querySelector('.watch');
  if (canvas.getBoundingClientRect().top > innerHeight / 2) {
    canvas.scrollIntoView({ behavior: prefersLessMotion() ? 'auto' : 'smooth' });
  }
}

function select(run) {
  popover.close();
  stage.show(run);
  drawCompare(runs, run, null);
  drawTabs(runs, run, select);
}

function showChanges() {
  byId('copy-text').hidden = !stage.run;
  pending.show(stage.run, stage.run ? stage.stepShown : 0);
}

function pin({ run, cell }, candidate) {
  if (run.trace.endsHole(cell.hole, candidate.token)) {
    showNotice('The end of a hole is no text and cannot be pinned: pin or edit a token of text instead.');
    return;
  }
  run.changes.pin(cell.position, candidate.token, candidate.text);
  stage.draw();
}

function ban({ run, cell }, candidate) {
  run.changes.ban(cell.position, candidate.token, candidate.text);
  stage.draw();
}

// Returns a sentence if the text is not one token.
async function edit({ run, cell }, written) {
  try {
    const ids = await tokenize(written, run.model.cinnabar?.default ? null : run.model.id);
    if (ids.length !== 1) {
      return `Expected one token, found ${ids.length}. Try a shorter text, or mind the space before a word.`;
    }
    run.changes.pin(cell.position, ids[0], written);
    stage.draw();
    return null;
  } catch (error) {
    return error.message;
  }
}

async function rerun({ run, step }) {
  if (!runs.hasWork(run, step)) {
    showNotice('Nothing is masked here, so nothing would change: go back some steps first, or ban the token that stands here.');
    return;
  }
  const fork = runs.fork(run, step);
  run.changes.clear();
  await readAgain(fork);
}

async function readAgain(run) {
  await read(run, () => readAgain(runs.again(run)));
}
