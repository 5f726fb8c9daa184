// The page's side of the socket: a fresh token for each attempt, bounded retries, and no retry after a refusal.

export type State = "connecting" | "open" | "closed";

export type Message =
  | { type: "welcome"; name: string; room: string }
  | { type: "presence"; room: string; people: string[]; agents: number }
  | { type: "message"; room: string; from: string; role: "client" | "agent"; text: string };

export interface Listener {
  state(state: State, detail: string): void;
  message(message: Message): void;
  closed(code: number, reason: string): void;
}

const REFUSED = new Set([4400, 4401, 4403]);
const PAUSES = [300, 1000, 3000, 5000];

export class Connection {
  private socket: WebSocket | null = null;
  private attempt = 0;

  constructor(
    private readonly api: string,
    private readonly endpoint: string,
    private readonly listener: Listener,
  ) {}

  async open(name: string): Promise<void> {
    this.listener.state("connecting", "connecting");
    let token: string;
    try {
      token = await this.token(name);
    } catch (problem) {
      this.retry(name, `no token from ${this.api}: ${String(problem)}`);
      return;
    }
    const socket = new WebSocket(`${this.endpoint}?token=${encodeURIComponent(token)}`);
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.attempt = 0;
      this.listener.state("open", "connected");
    });
    socket.addEventListener("message", (event) => {
      this.listener.message(JSON.parse(String(event.data)) as Message);
    });
    socket.addEventListener("close", (event) => {
      this.listener.closed(event.code, event.reason);
      if (REFUSED.has(event.code)) {
        this.listener.state("closed", `refused (${event.code})`);
      } else {
        this.retry(name, `closed (${event.code})`);
      }
    });
  }

  say(text: string): void {
    this.socket?.send(JSON.stringify({ text }));
  }

  private async token(name: string): Promise<string> {
    const answer = await fetch(`${this.api}/token?name=${encodeURIComponent(name)}`);
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return ((await answer.json()) as { token: string }).token;
  }

  private retry(name: string, why: string): void {
    const pause = PAUSES[Math.min(this.attempt++, PAUSES.length - 1)];
    this.listener.state("closed", `${why}, again in ${(pause ?? 5000) / 1000} s`);
    setTimeout(() => void this.open(name), pause);
  }
}
