// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Exit records on disk: from these the daemon learns of exits that happened while it was not connected.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "shim/environment.h"
#include "shim/protocol.h"

namespace davit::shim {

// The daemon removes a record after it has stored the exit in its database, and may delete the container
// after that. So a record is written at most once, and only while no daemon has been notified of the exit: a
// later record would never be removed, or would be taken for the exit of a later container.
class ExitRecords {
 public:
  explicit ExitRecords(Environment& env) : env_(env) {}
  ~ExitRecords() { env_.timers.Cancel(retry_); }
  ExitRecords(const ExitRecords&) = delete;
  ExitRecords& operator=(const ExitRecords&) = delete;

  // Writes `exits/<container id>` atomically. Logs a failure (a full /run) and returns false.
  bool Write(const ContainerExited& exit);

  // Keeps an exit that Write could not record. Until a daemon is `told` of it, the write is tried again every
  // second; after that the exit is kept for the life of the shim.
  void Keep(const ContainerExited& exit, bool told);

  // Returns the kept exits, for a daemon that connects. From now on they count as told: no record is written.
  std::vector<ContainerExited> TellUnrecorded();

 private:
  struct Kept {
    ContainerExited exit;
    bool told = false;
  };

  void RetryLater();
  void Retry();

  Environment& env_;
  std::map<std::string, Kept> kept_;  // by container id
  Timers::Id retry_ = 0;
};

}  // namespace davit::shim
