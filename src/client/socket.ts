/**
 * A websocket that comes back: after a break it tries again at once, then ever more slowly, and when the browser is back online.
 */

import { IDisposable } from '@lumino/disposable';

export namespace ReconnectingSocket {
  export interface IOptions {
    /** Makes a new socket; called anew for each try, so that the address may change. */
    open: () => WebSocket;
    /** `again` is false the first time. */
    onOpen: (again: boolean) => void;
    onMessage: (text: string) => void;
    onLost: () => void;
  }
}

const LONGEST_WAIT_MS = 5000;

export class ReconnectingSocket implements IDisposable {
  constructor(private _options: ReconnectingSocket.IOptions) {
    window.addEventListener('online', this._retryNow);
    this._connect();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  get isOpen(): boolean {
    return this._socket?.readyState === WebSocket.OPEN;
  }

  /** Send a message; false while there is no connection. */
  send(message: unknown): boolean {
    if (!this.isOpen) {
      return false;
    }
    this._socket!.send(JSON.stringify(message));
    return true;
  }

  /** Close and open again, as after a break. */
  reconnect(): void {
    this._drop();
    this._connect();
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    window.removeEventListener('online', this._retryNow);
    window.clearTimeout(this._timer);
    this._drop();
  }

  private _connect(): void {
    const socket = this._options.open();
    this._socket = socket;
    socket.onopen = () => {
      this._failures = 0;
      const again = this._wasOpen;
      this._wasOpen = true;
      this._options.onOpen(again);
    };
    socket.onmessage = event => this._options.onMessage(String(event.data));
    socket.onclose = () => {
      if (socket !== this._socket) {
        return;
      }
      this._options.onLost();
      const wait = Math.min(LONGEST_WAIT_MS, 200 * 2 ** this._failures);
      this._failures += 1;
      this._timer = window.setTimeout(() => this._connect(), wait);
    };
  }

  private _drop(): void {
    const socket = this._socket;
    this._socket = null;
    window.clearTimeout(this._timer);
    socket?.close();
  }

  private _retryNow = (): void => {
    if (!this.isOpen) {
      this._failures = 0;
      this.reconnect();
    }
  };

  private _socket: WebSocket | null = null;
  private _wasOpen = false;
  private _failures = 0;
  private _timer = 0;
  private _isDisposed = false;
}
