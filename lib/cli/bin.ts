#!/usr/bin/env node
/** The program `leader-for-life`. */
import { crash, exit, planCrash } from './crash.ts';
import { eventWriter } from './log.ts';
import { main } from './main.ts';

// Someone who closed our output early has read enough, and is no reason to end the leader.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
// Events say the same as these warnings, in the format that was asked for.
process.removeAllListeners('warning');
process.on('warning', ({ name, message }) => {
  if (name !== 'LeaderElectionWarning')
    process.stderr.write(`leader-for-life: warning: ${message}\n`);
});
const output = {
  stdout: (text: string) => void process.stdout.write(text),
  stderr: (text: string) => void process.stderr.write(text),
  terminal: process.stdout.isTTY ? process.stdout : undefined,
};
// Node.js reports a rejection that nothing handles as an uncaught exception, too.
planCrash({ exitCode: 1, say: eventWriter('text', output.stderr).say });
process.on('uncaughtException', (error) => void crash(error));
// Not awaited: the executable is made of a CommonJS module.
void main(process.argv.slice(2), process.env, output).then(exit);
