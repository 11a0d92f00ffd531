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

namespace davit {

// Our ends of a process' streams, all non-blocking; those that were not asked for are empty.
struct ProcessStreams {
  UniqueFd in;   // to write to; a terminal's is its controller
  UniqueFd out;  // to read from; a terminal's is its controller
  UniqueFd err;
  UniqueFd terminal;  // for its window size
  // Attach only: an eventfd that is written when the other side drops this client because it reads too
  // slowly.
  UniqueFd cut_off;
  bool close_input_at_end = false;  // the process sees the end of the client's input
};

// Every method returns at once. Callbacks come later, from any thread.
class StreamTargets {
 public:
  using OnStreams = std::function<void(Result<ProcessStreams>)>;
  // The exit code; nothing when nobody saw the end.
  using OnExit = std::function<void(std::optional<int>)>;
  using OnSockets = std::function<void(Result<std::vector<UniqueFd>>)>;

  virtual ~StreamTargets() = default;
  // `on_exit` comes once after `on_streams` had a success.
  virtual void StreamExec(const ExecOrder& order, OnStreams on_streams, OnExit on_exit) = 0;
  virtual void StreamAttach(const AttachOrder& order, OnStreams on_streams) = 0;
  // The client of an attach with close_input_at_end has ended its input or is gone.
  virtual void CloseContainerInput(const std::string& container_id) = 0;
  // Unconnected non-blocking TCP sockets in the pod's network namespace: IPv4, and IPv6 where there is that.
  virtual void OpenSockets(const std::string& sandbox_id, OnSockets on_sockets) = 0;
};

}  // namespace davit
