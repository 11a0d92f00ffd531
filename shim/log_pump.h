// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From a container's stdout and stderr to its log file, and to who is attached.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/attached_clients.h"
#include "shim/environment.h"
#include "shim/log_lines.h"
#include "shim/log_writer.h"

namespace davit {

// Never waits for the log: while that does not take more, the pipes are not read, and the container waits
// when they are full.
class LogPump {
 public:
  // `log` as LogWriter's.
  LogPump(Environment& env, UniqueFd log);
  ~LogPump();
  LogPump(const LogPump&) = delete;
  LogPump& operator=(const LogPump&) = delete;

  // The pump's ends of the pipes, non-blocking; either may be empty. A terminal goes in place of stdout's.
  Result<> Start(UniqueFd stdout_pipe, UniqueFd stderr_pipe);

  // From the next batch on, lines go to `log`; `done` is called when none goes to the file before any more.
  void Reopen(UniqueFd log, std::function<void()> done) { writer_.Replace(std::move(log), std::move(done)); }

  // From the next byte on, `client` gets what comes, too. A stream that has ended is closed to it at once.
  Result<> Attach(AttachedClient client);

  // What stdout is read from, a terminal's controller included; -1 after its end.
  int output() const { return stdout_.pipe.get(); }

  // The container is gone: takes what is in the pipes by now and ends the last lines. Whoever else still
  // holds a pipe's other end (it was passed on to a process elsewhere) is no longer heard. Returns true when
  // the file has everything; else `on_written` is called when it has. The pump may be destroyed inside.
  bool Finish(std::function<void()> on_written);
  // Attached clients wait no longer, and `on_written` takes the place of the one given to Finish.
  void FinishLater(std::function<void()> on_written);

  // Once the file has everything.
  uint64_t dropped_bytes() const { return writer_.dropped_bytes(); }

 private:
  struct Stream {
    Stream(std::string_view name, Output which) : output(which), lines(name) {}
    Output output;
    UniqueFd pipe;
    bool watched = false;
    LogLines lines;
    std::string rest;        // was read, and waits for room in the log
    bool has_ended = false;  // the last line, too, waits for room
    size_t reads_left = 0;   // while finishing
  };

  Result<> Watch(Stream& stream);
  void Unwatch(Stream& stream);
  void PumpBatch(Stream& stream);
  // Reads once; false at the end of the stream, when there is nothing to read now, or no room.
  bool Pump(Stream& stream);
  void Feed(Stream& stream, std::string_view data);
  void End(Stream& stream);
  void GoOn(Stream& stream);
  void Drain(Stream& stream);
  void Close(Stream& stream);
  bool IsDrained(const Stream& stream) const {
    return !stream.pipe && stream.rest.empty() && !stream.has_ended;
  }
  bool ContinueFinish();
  void OnWritten();

  Environment& env_;
  LogWriter writer_;
  Stream stdout_{"stdout", Output::kStdout};
  Stream stderr_{"stderr", Output::kStderr};
  AttachedClients clients_;
  bool finishing_ = false;
  std::function<void()> on_finished_;
};

struct OutputPipe {
  UniqueFd read;   // non-blocking
  UniqueFd write;  // blocking, as programs expect
};
// A pipe with room for bursts, as far as the host allows.
Result<OutputPipe> MakeOutputPipe();

}  // namespace davit
