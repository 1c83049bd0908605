import { ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { freePort } from './server';

/** A real coturn on this machine's loopback: what it relays never leaves it. */
export class Turn {
  private constructor(readonly port: number, readonly secret: string, private readonly child: ChildProcess, private readonly folder: string) {}

  static async start(secret = 'a secret of the test'): Promise<Turn> {
    const port = await freePort();
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'noren-turn-'));
    const child = spawn(
      process.env.NOREN_TURNSERVER ?? 'turnserver',
      [
        '-n', '--listening-ip', '127.0.0.1', '--relay-ip', '127.0.0.1', '--listening-port', String(port), '--allow-loopback-peers',
        '--use-auth-secret', '--static-auth-secret', secret, '--realm', 'noren.test', '--no-cli', '--no-tls', '--no-dtls', '--log-file', 'stdout',
        '--pidfile', path.join(folder, 'pid'), '--userdb', path.join(folder, 'users'),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder },
    );
    let log = '';
    for (const stream of [child.stdout, child.stderr]) stream!.on('data', (text) => (log += text));
    const turn = new Turn(port, secret, child, folder);
    for (;;) {
      if (child.exitCode !== null) throw new Error(`coturn ended:\n${log}`);
      if (await turn.answers()) return turn;
      await new Promise((soon) => setTimeout(soon, 50));
    }
  }

  private async answers(): Promise<boolean> {
    return new Promise((done) => {
      const line = net.connect(this.port, '127.0.0.1', () => (line.destroy(), done(true)));
      line.on('error', () => done(false));
    });
  }

  /** Configuration keys by which everything goes through it. */
  keys(secret = this.secret) {
    return { 'calls.turn': `["turn:127.0.0.1:${this.port}?transport=udp"]`, 'calls.turn_secret': secret, 'calls.relay_only': 'true' };
  }

  /** Stands still, as a machine that is overloaded does. */
  pause() {
    this.child.kill('SIGSTOP');
  }

  resume() {
    this.child.kill('SIGCONT');
  }

  async stop() {
    const ended = new Promise<void>((done) => this.child.once('exit', () => done()));
    this.resume();
    this.child.kill('SIGTERM');
    await ended;
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
