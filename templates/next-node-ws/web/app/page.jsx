"use client";

import { useEffect, useRef, useState } from "react";

export default function Page() {
  const socket = useRef(null);
  const [state, setState] = useState("none");
  const [messages, setMessages] = useState([]);

  useEffect(() => {
    let gone = false;
    async function open() {
      const { token } = await (await fetch("/api/token")).json();
      if (gone) return;
      const one = new WebSocket(`${process.env.NEXT_PUBLIC_WS_URL}?token=${token}`);
      one.onopen = () => setState("open");
      one.onclose = (event) => setState(`closed ${event.code} ${event.reason}`);
      one.onmessage = (event) => setMessages((known) => [...known, event.data]);
      socket.current = one;
    }
    open();
    return () => {
      gone = true;
      socket.current?.close(1000);
    };
  }, []);

  function send(event) {
    event.preventDefault();
    socket.current?.send(new FormData(event.target).get("text"));
    event.target.reset();
  }

  return (
    <main>
      <p>
        Connection: <output id="state">{state}</output>
      </p>
      <form onSubmit={send}>
        <input name="text" autoComplete="off" aria-label="Message" /> <button>Send</button>
      </form>
      <ul>
        {messages.map((text, index) => (
          <li key={index}>{text}</li>
        ))}
      </ul>
    </main>
  );
}
