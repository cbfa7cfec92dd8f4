/**
 * Everything behind `npm start`, `npm test`, `npm run …`: installs and builds what is missing, then runs the real thing.
 * Plain Node.js without packages, because it runs before anything is installed.
 */
const OLDEST_NODE = { major: 20, minor: 19 };

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < OLDEST_NODE.major || (major === OLDEST_NODE.major && minor < OLDEST_NODE.minor)) {
  const oldest = `${OLDEST_NODE.major}.${OLDEST_NODE.minor}`;
  process.stderr.write(`Node.js ${oldest} or newer is needed; this is ${process.version}.\n`);
  process.exit(1);
}

// Imported only now: an older Node.js would fail on the modules themselves instead of saying what it lacks.
const { runCommand } = await import('./run/commands.mjs');
process.exitCode = await runCommand(process.argv.slice(2));
