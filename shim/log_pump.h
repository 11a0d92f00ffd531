// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Copies a container's stdout and stderr to its log file and to attached clients.
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

namespace davit::shim {

// Never blocks on the log or on a client. While the log or a patient client cannot take more, the pipes are
// not read; a container blocks when its pipe is full.
class LogPump {
 public:
  // `log` is as in LogWriter.
  LogPump(Environment& env, UniqueFd log);
  ~LogPump();
  LogPump(const LogPump&) = delete;
  LogPump& operator=(const LogPump&) = delete;

  // The pump's ends of the pipes, non-blocking; either may be empty. For a terminal, its controller takes the
  // place of the stdout pipe.
  Result<> Start(UniqueFd stdout_pipe, UniqueFd stderr_pipe);

  // Writes lines to `log` from the next batch on. Calls `done` when no more lines are written to the old
  // file.
  void Reopen(UniqueFd log, std::function<void()> done) { writer_.Replace(std::move(log), std::move(done)); }

  // From the next byte on, `client` receives the output as well. Its pipe for a stream that has already ended
  // is closed at once.
  Result<> Attach(AttachedClient client);
  // The same before Start: no stream has ended.
  Result<> AttachEarly(AttachedClient client) { return clients_.Add(std::move(client)); }

  // The descriptor that stdout is read from, a pipe or a terminal's controller; -1 after its end.
  int output() const { return stdout_.pipe.get(); }

  // Call it when the container has ended: reads what the pipes hold now, ends the last lines and closes the
  // pipes, so that output of other processes that still hold a write end is not read. Returns true if the
  // file has everything; otherwise `on_written` is called when it has, and may destroy the pump.
  bool Finish(std::function<void()> on_written);
  // Closes the pipes of attached clients now, and replaces the `on_written` that was given to Finish.
  void FinishLater(std::function<void()> on_written);

  // Valid once the file has everything.
  uint64_t dropped_bytes() const { return writer_.dropped_bytes(); }

 private:
  struct Stream {
    Stream(std::string_view name, Output which) : output(which), lines(name) {}
    Output output;
    UniqueFd pipe;
    bool watched = false;
    LogLines lines;
    std::string rest;        // read, but the log has no room for it yet
    bool has_ended = false;  // the log has no room for the last line yet
    size_t reads_left = 0;   // upper limit while finishing
  };

  Result<> Watch(Stream& stream);
  void Unwatch(Stream& stream);
  void PumpBatch(Stream& stream);
  // Reads once. Returns false at the end of the stream, if no data is available, or if the log has no room.
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
// A pipe that is enlarged for bursts, as far as the host allows.
Result<OutputPipe> MakeOutputPipe();

}  // namespace davit::shim
