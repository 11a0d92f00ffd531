// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From a container's stdout and stderr to its log file.
#pragma once

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
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

  // The container is gone: takes what is in the pipes by now and ends the last lines. Whoever else still
  // holds a pipe's other end (it was passed on to a process elsewhere) is no longer heard.
  void Finish();

  uint64_t dropped_bytes() const { return writer_.dropped_bytes(); }

 private:
  struct Stream {
    explicit Stream(std::string_view name) : lines(name) {}
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
  Stream stdout_{"stdout"};
  Stream stderr_{"stderr"};
};

struct OutputPipe {
  UniqueFd read;   // non-blocking
  UniqueFd write;  // blocking, as programs expect
};
// A pipe with room for bursts, as far as the host allows.
Result<OutputPipe> MakeOutputPipe();

}  // namespace davit
