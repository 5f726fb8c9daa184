// Runs env files through the real programs: one JSON case per line in, one JSON answer per line out.
//
//   in   {"program": "next16", "files": {".env": "A=1\n"}, "process": {"B": "2"}, "mode": "development"}
//        a file's text is given as base64; `patience` in milliseconds may be given for a case that looks endless
//   out  {"values": {"A": "1"}}  or  {"error": "RangeError"}  or  {"error": "hang"}
//
// Programs run in a child process, so that one that hangs or eats its memory costs its own case only.
'use strict'
const { fork } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const readline = require('node:readline')
const util = require('node:util')

const MODULES = path.join(__dirname, '..', 'node_modules')
const EXTRA = process.env.EXTRA_MODULES
const PATIENCE = 5000

function fresh (name, file) {
  const base = fs.existsSync(path.join(MODULES, name)) || !EXTRA ? MODULES : EXTRA
  const found = require.resolve(path.join(base, name, file || ''))
  delete require.cache[found]
  return require(found)
}


async function answer (given, folder) {
  const { program, mode } = given
  const quiet = { info () {}, error (text) { quiet.failed = text } }
  if (program.startsWith('next')) {
    const found = fresh(`next-env${program.slice(4)}`).loadEnvConfig(folder, mode !== 'production', quiet, true)
    return { ...found.combinedEnv }
  }
  if (program.startsWith('vite')) {
    const name = program === 'vite8' ? 'vite' : program
    const vite = await import(path.join(MODULES, name, 'dist/node/index.js'))
    return vite.loadEnv(mode, folder, '')
  }
  if (program === 'parseEnv') return util.parseEnv(fs.readFileSync(path.join(folder, '.env'), 'utf8'))
  process.chdir(folder)
  const [dotenv, expand] = program.split('+')
  const result = fresh(dotenv).config({ quiet: true })
  if (expand && !result.error) fresh(expand).expand(result)
  return { ...process.env }
}

async function serve (shared) {
  const root = fs.mkdtempSync(path.join(shared, 'child-'))
  let count = 0
  process.on('disconnect', () => process.exit())
  process.on('message', async (given) => {
    const folder = path.join(root, String(count++))
    fs.mkdirSync(folder)
    for (const [name, text] of Object.entries(given.files)) {
      fs.writeFileSync(path.join(folder, name), Buffer.from(text, 'base64'))
    }
    for (const name of Object.keys(process.env)) delete process.env[name]
    Object.assign(process.env, given.process)
    if (given.mode === 'test') process.env.NODE_ENV = 'test'
    let said
    try {
      const values = await answer(given, folder)
      if (given.mode === 'test' && !('NODE_ENV' in given.process)) delete values.NODE_ENV
      said = { values }
    } catch (problem) {
      said = { error: problem.name }
    }
    process.chdir(root)
    fs.rmSync(folder, { recursive: true, force: true })
    process.send(said)
  })
}

async function main () {
  // Ours, because a child that hangs is killed and tidies nothing.
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'env-loaders-'))
  process.on('exit', () => fs.rmSync(root, { recursive: true, force: true, maxRetries: 5 }))
  let child
  const start = () => {
    child = fork(__filename, ['serve', root], { execArgv: ['--max-old-space-size=300'], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  }
  const renewed = () => { child.removeAllListeners(); child.on('error', () => {}); child.kill('SIGKILL'); start() }
  const ask = (given) => new Promise((resolve) => {
    if (!child.connected) renewed() // died of the last case after its answer
    const done = (said) => {
      clearTimeout(timer)
      child.removeAllListeners()
      resolve(said)
    }
    const lost = () => { clearTimeout(timer); renewed(); resolve({ error: 'hang' }) }
    const timer = setTimeout(lost, given.patience || PATIENCE)
    child.once('message', done)
    child.once('exit', lost)
    child.once('error', () => { clearTimeout(timer); renewed(); resolve(ask(given)) }) // it never got this case
    child.send(given)
  })
  start()
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await ask(JSON.parse(line))) + '\n')
  }
  child.removeAllListeners()
  child.disconnect()
}

if (process.argv[2] === 'serve') serve(process.argv[3])
else main()
