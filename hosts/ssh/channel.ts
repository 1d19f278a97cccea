/** An ssh channel in a net.Socket's clothes, for a client library that expects one. */
import type { Socket } from "node:net";
import type { ClientChannel } from "ssh2";

/** What a socket has and a channel does not need: its connection is kept alive, and timed, as a whole. */
const SETTINGS = {
  connecting: false,
  setNoDelay() {
    return this;
  },
  setKeepAlive() {
    return this;
  },
  setTimeout() {
    return this;
  },
  ref() {
    return this;
  },
  unref() {
    return this;
  },
};

/** `remoteAddress` and `remotePort` are the far end's, as errors name it. */
export function asSocket(channel: ClientChannel, remoteAddress: string, remotePort: number): Socket {
  const dressed: unknown = Object.assign(channel, SETTINGS, { remoteAddress, remotePort });
  return dressed as Socket;
}
