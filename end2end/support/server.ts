import { ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const binary = process.env.NOREN_BIN ?? path.join(root, 'target/debug/noren');

export async function freePort(): Promise<number> {
  const probe = net.createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  const { port } = probe.address() as net.AddressInfo;
  await new Promise<void>((done) => probe.close(() => done()));
  return port;
}

export interface Options {
  /** Milliseconds of presence knobs and other keys, as in noren.toml: `presence.line_lost`. */
  keys?: Record<string, string | number>;
  demo?: boolean;
  /** A new PostgreSQL database instead of the embedded one, in the cluster that the test command started. */
  postgres?: boolean;
  /** Whether the way to that database can be cut. */
  cuttable?: boolean;
}

/** The way to a server on this machine, which can be cut: what goes over it breaks, and nobody gets through. */
export class Wire {
  private readonly lines = new Set<net.Socket>();
  private open = true;

  private constructor(readonly port: number, private readonly listener: net.Server) {}

  static async to(target: number): Promise<Wire> {
    const listener = net.createServer();
    await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
    const wire = new Wire((listener.address() as net.AddressInfo).port, listener);
    listener.on('connection', (near) => {
      if (!wire.open) {
        near.destroy();
        return;
      }
      const far = net.connect(target, '127.0.0.1');
      for (const [one, other] of [[near, far], [far, near]] as const) {
        wire.lines.add(one);
        one.pipe(other);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          wire.lines.delete(one);
          other.destroy();
        });
      }
    });
    return wire;
  }

  cut() {
    this.open = false;
    for (const line of this.lines) line.destroy();
  }

  mend() {
    this.open = true;
  }

  close() {
    this.cut();
    this.listener.close();
  }
}

/** Makes a database in the cluster of the test run. */
function newDatabase(): string {
  const cluster = process.env.NOREN_TEST_POSTGRES;
  if (!cluster) throw new Error('NOREN_TEST_POSTGRES is not set: `cargo xtask test` starts a cluster and sets it');
  const url = new URL(cluster);
  const name = `e2e_${randomUUID().replaceAll('-', '')}`;
  const made = spawnSync('psql', [cluster, '-qc', `CREATE DATABASE ${name}`], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`no database could be made: ${made.stderr}`);
  url.pathname = `/${name}`;
  return url.toString();
}

/** A real server: the built binary on the built site, with a data folder of its own. */
export class Server {
  private child?: ChildProcess;
  private database?: string;
  wire?: Wire;
  readonly data = fs.mkdtempSync(path.join(os.tmpdir(), 'noren-e2e-'));
  log = '';

  private constructor(readonly port: number, private readonly options: Options) {}

  static async start(options: Options = {}): Promise<Server> {
    const server = new Server(await freePort(), options);
    await server.up();
    return server;
  }

  /** Another node on the same database. */
  async beside(): Promise<Server> {
    const node = new Server(await freePort(), this.options);
    node.database = this.database;
    await node.up();
    return node;
  }

  private async reach(database: string): Promise<string> {
    if (!this.options.cuttable) return database;
    const url = new URL(database);
    this.wire = await Wire.to(Number(url.port));
    url.hostname = '127.0.0.1';
    url.port = String(this.wire.port);
    return url.toString();
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  private get env() {
    const keys: Record<string, string | number> = {
      'accounts.argon2_memory': 64,
      'accounts.argon2_passes': 1,
      'accounts.sign_in_per_minute': 1000,
      'accounts.sign_in_per_hour': 1000,
      'accounts.sign_up_per_hour': 1000,
      'accounts.rejected_per_minute': 1000,
      'accounts.writes_per_minute': 100000,
      ...this.options.keys,
    };
    const env = Object.fromEntries(Object.entries(keys).map(([key, value]) => [`NOREN_${key.replace('.', '__').toUpperCase()}`, String(value)]));
    return { ...process.env, ...env };
  }

  /** Runs another command of the program on the same data folder and with the same configuration. */
  command(...args: string[]) {
    const done = spawnSync(binary, [...args, '--data', this.data], { env: this.env, encoding: 'utf8' });
    return { status: done.status, text: done.stdout + done.stderr };
  }

  /** The link by which a new operator sets a password. */
  operatorLink(): string {
    const { status, text } = this.command('operator', 'create', 'operator@example.org', '--name', 'Olga');
    const token = /\/reset\/(\S+)/.exec(text);
    if (status !== 0 || !token) throw new Error(`no operator was made: ${text}`);
    return `${this.url}/reset/${token[1]}`;
  }

  /** Starts it, again on the same data folder. */
  async up() {
    const site = process.env.NOREN_SITE ?? path.join(root, 'target/site');
    const flags = ['serve', '--listen', `127.0.0.1:${this.port}`, '--data', this.data, '--site', site];
    if (this.options.demo) flags.push('--demo');
    if (this.options.postgres) flags.push('--database', (this.database ??= await this.reach(newDatabase())));
    const child = spawn(binary, flags, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) stream!.on('data', (text) => (this.log += text));
    await this.answers();
  }

  private async answers() {
    for (;;) {
      if (this.child!.exitCode !== null) throw new Error(`the server ended:\n${this.log}`);
      try {
        const response = await fetch(`${this.url}/readyz`);
        if (response.ok) return;
      } catch {
        await new Promise((soon) => setTimeout(soon, 50));
      }
    }
  }

  /** Ends it: `SIGTERM` as an operator does, `SIGKILL` as a crash does. */
  async down(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM') {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((done) => child.once('exit', () => done()));
    child.kill(signal);
    await ended;
  }

  async remove() {
    await this.down();
    this.wire?.close();
    fs.rmSync(this.data, { recursive: true, force: true });
  }
}
