// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From a container's stdout and stderr to its log file, and to who is attached.
#pragma once

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/attached_clients.h"
#include "shim/log_lines.h"
#include "shim/log_writer.h"

namespace davit {

// The loop and the buffers outlive the pump.
class LogPump {
 public:
  LogPump(EventLoop& loop, LogBuffers& buffers, UniqueFd log);
  ~LogPump();
  LogPump(const LogPump&) = delete;
  LogPump& operator=(const LogPump&) = delete;

  // The pump's ends of the pipes, non-blocking; either may be empty. A terminal goes in place of stdout's.
  Result<> Start(UniqueFd stdout_pipe, UniqueFd stderr_pipe);

  // From the next byte on, lines go to `log`.
  void Reopen(UniqueFd log) { writer_.Replace(std::move(log)); }

  // From the next byte on, `client` gets what comes, too. A stream that has ended is closed to it at once.
  Result<> Attach(AttachedClient client);

  // What stdout is read from, a terminal's controller included; -1 after its end.
  int output() const { return stdout_.pipe.get(); }

  // The container is gone: takes what is in the pipes by now and ends the last lines. Whoever else still
  // holds a pipe's other end (it was passed on to a process elsewhere) is no longer heard.
  void Finish();

  uint64_t dropped_bytes() const { return writer_.dropped_bytes(); }

 private:
  struct Stream {
    Stream(std::string_view name, Output which) : output(which), lines(name) {}
    Output output;
    UniqueFd pipe;
    LogLines lines;
  };

  Result<> Watch(Stream& stream);
  // Reads once; false at the end of the stream or when there is nothing to read now.
  bool Pump(Stream& stream);
  void Drain(Stream& stream);
  void Close(Stream& stream);

  EventLoop& loop_;
  LogBuffers& buffers_;
  LogWriter writer_;
  Stream stdout_{"stdout", Output::kStdout};
  Stream stderr_{"stderr", Output::kStderr};
  AttachedClients clients_;
};

struct OutputPipe {
  UniqueFd read;   // non-blocking
  UniqueFd write;  // blocking, as programs expect
};
// A pipe with room for bursts, as far as the host allows.
Result<OutputPipe> MakeOutputPipe();

}  // namespace davit
