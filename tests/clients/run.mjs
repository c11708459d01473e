// Starts a server for the tests and runs them: the shipped model, and a copy of it with a chat template, since it has none of its own. The
// server needs a key and has room for four texts, so that the tests can also send a wrong key and one text too many.
// With CINNABAR_URL the tests run against the server that is there.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '..', '..');
const PROGRAM = process.env.CINNABAR_DLL ?? join(ROOT, 'artifacts', 'bin', 'Cinnabar.Cli', 'release', 'Cinnabar.Cli.dll');
const MODEL = join(ROOT, 'models', 'csharp-12m');
const TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}<|endoftext|>{% endfor %}{{ 'assistant: ' }}";
const ROOM = 4;

if (process.env.CINNABAR_URL) {
  process.exitCode = await runTests({});
} else if (!existsSync(PROGRAM)) {
  console.error(`Expected the program at ${PROGRAM}, found none. Build it: dotnet build -c Release src/Cinnabar.Cli`);
  process.exitCode = 1;
} else {
  const folder = mkdtempSync(join(tmpdir(), 'cinnabar-clients-'));
  const chat = join(folder, 'chat');
  cpSync(MODEL, chat, { recursive: true });
  writeFileSync(join(chat, 'chat_template.jinja'), TEMPLATE);
  const key = randomBytes(16).toString('hex');
  const server = spawn(
    'dotnet',
    [PROGRAM, 'serve', '--port', '0', '--quiet', '--max-running', `${ROOM / 2}`, '--max-waiting', `${ROOM / 2}`, '-m', MODEL, '-m', chat],
    { env: { ...process.env, CINNABAR_API_KEY: key }, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(server, 'exit');
  try {
    const url = await Promise.race([addressOf(server), ended.then(([code]) => { throw new Error(`the server ended with ${code}`); })]);
    process.exitCode = await runTests({ CINNABAR_URL: url, CINNABAR_API_KEY: key, CINNABAR_ROOM: `${ROOM}` });
  } finally {
    server.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true });
  }
}

// The line "server  http://127.0.0.1:40123   (page: …" of what it prints once it listens.
async function addressOf(server) {
  for await (const line of createInterface({ input: server.stdout })) {
    const address = /^server +(\S+)/.exec(line);
    if (address) {
      return address[1];
    }
  }
  throw new Error('the server printed no address');
}

async function runTests(environment) {
  const tests = spawn(
    process.execPath, ['--test', '--test-concurrency=1', ...process.argv.slice(2)],
    { cwd: import.meta.dirname, env: { ...process.env, ...environment }, stdio: 'inherit' });
  const [code] = await once(tests, 'exit');
  return code ?? 1;
}
