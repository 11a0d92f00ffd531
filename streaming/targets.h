// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What streams are connected to: processes and ports of pods. Implemented by the runtime, faked by tests.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "streaming/order.h"

namespace davit::streaming {

// Our ends of a process' streams, all non-blocking; those that were not asked for are empty.
struct ProcessStreams {
  UniqueFd in;   // to write to; a terminal's is its controller
  UniqueFd out;  // to read from; a terminal's is its controller
  UniqueFd err;
  UniqueFd terminal;  // for its window size
  // Attach only: an eventfd that is written when the other side drops this client because it reads too
  // slowly.
  UniqueFd cut_off;
  bool close_input_at_end = false;  // the process is to see the end of the client's input
};

// Every method returns at once. Callbacks are called later, on any thread.
class StreamTargets {
 public:
  using OnStreams = std::function<void(Result<ProcessStreams>)>;
  // The exit code; nullopt if it is unknown because the pod's shim died.
  using OnExit = std::function<void(std::optional<int>)>;
  using OnSockets = std::function<void(Result<std::vector<UniqueFd>>)>;

  virtual ~StreamTargets() = default;
  // If `on_streams` is called with a success, `on_exit` is called once, perhaps before `on_streams`.
  virtual void StreamExec(const ExecOrder& order, OnStreams on_streams, OnExit on_exit) = 0;
  virtual void StreamAttach(const AttachOrder& order, OnStreams on_streams) = 0;
  // Call it when the client of an attach with close_input_at_end has ended its input or has disconnected.
  virtual void CloseContainerInput(const std::string& container_id) = 0;
  // Opens unconnected non-blocking TCP sockets in the pod's network namespace: IPv4, and IPv6 if available.
  virtual void OpenSockets(const std::string& sandbox_id, OnSockets on_sockets) = 0;
};

}  // namespace davit::streaming
