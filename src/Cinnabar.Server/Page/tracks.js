// What the timeline runs over: the steps of one run, or the time that two runs of a race took, each from its own start.
import { seconds } from './lane.js';

/** The steps of a run, or as many as the longer of two has. */
export function stepTrack(run, other) {
  const { trace } = run;
  return {
    stops: Array.from({ length: Math.max(trace.stepCount, other?.trace.stepCount ?? 0) + 1 }, (_, i) => i),
    isClock: false,
    label: position => {
      if (trace.canvas === null) {
        return '';
      }
      const { step, passes, tokens, seconds: time } = trace.figuresAt(position);
      const unit = (count, one, many) => `${count} ${count === 1 ? one : many}`;
      const figures = [unit(passes, 'pass', 'passes'), unit(tokens, 'token', 'tokens'), seconds(time)];
      return [`step ${step} of ${trace.stepCount}`, ...figures].join(' · ');
    },
  };
}

export function clockTrack(runs) {
  const times = runs.flatMap(run => run.trace.times);
  return {
    stops: [...new Set(times)].sort((a, b) => a - b),
    isClock: true,
    label: position => `${seconds(position / 1000)} on the shared clock`,
  };
}

/** Who won a race, in a sentence; both runs must have ended. */
export function verdict(runs) {
  const [faster, slower] = [...runs].sort((a, b) => lastTime(a) - lastTime(b));
  const ratio = lastTime(slower) / Math.max(lastTime(faster), 1);
  const [first, second] = [faster, slower].map(run => seconds(lastTime(run) / 1000));
  return `${faster.model.id} was done first: ${first} against ${second}, ${ratio.toFixed(1)} times as fast.`
    + ' They ran one after the other, so that neither slowed the other; both are shown on one clock.';
}

const lastTime = run => run.trace.times.at(-1);
