// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Exit records on disk: what the daemon reads when it was away.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "shim/environment.h"
#include "shim/protocol.h"

namespace davit {

// The daemon removes a record once it has the exit in its database, and may forget the container after that.
// So a record is written once at most, and only as long as no daemon has been told of the exit: a later one
// would stay for ever, or be taken for the exit of a container to come.
class ExitRecords {
 public:
  explicit ExitRecords(Environment& env) : env_(env) {}
  ~ExitRecords() { env_.timers.Cancel(retry_); }
  ExitRecords(const ExitRecords&) = delete;
  ExitRecords& operator=(const ExitRecords&) = delete;

  // Writes `exits/<container id>` as a whole file. Logs a failure (a full /run) and returns false.
  bool Write(const ContainerExited& exit);

  // Keeps an exit that Write could not record for the life of the shim. Unless a daemon was `told` of it, the
  // record is tried again every second.
  void Keep(const ContainerExited& exit, bool told);

  // The kept exits, for a daemon that connects: none of them will be written any more.
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

}  // namespace davit
