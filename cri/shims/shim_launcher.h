// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Starting shims and finding them again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/pid_fd.h"
#include "base/spawn.h"
#include "base/unique_fd.h"
#include "cri/shims/shims.h"
#include "shim/protocol.h"

namespace davit {

// On disk, below the state directory (volatile, a reboot clears it): `shims/<sandbox id>` is the listening
// socket of a shim, `exits/<container id>` an exit record that the daemon has not taken over yet.
class ShimLauncher {
 public:
  using SpawnFunction = std::function<Result<ChildProcess>(const SpawnRequest&)>;

  // Copies the program at `shim_program` into a sealed memfd, which every shim is started from: no container
  // can ever write to the binary that runs as root on the host. `log_fd` receives the shims' own log lines.
  // `spawn` is davit::Spawn with the child outside the daemon's cgroup (ShimSpawner).
  static Result<std::unique_ptr<ShimLauncher>> Create(const std::string& shim_program,
                                                      const std::string& state_dir, int log_fd,
                                                      SpawnFunction spawn);

  // One for a new sandbox, which gets its id here.
  Result<NewShim> Launch();
  // Ends one that was given nothing to do.
  void Discard(NewShim shim) const;

  // A connection to a living shim. kUnavailable when nobody listens there any more, kNotFound when nobody
  // ever did. With kNone the call never waits for a shim that does not accept.
  enum class Patience { kOneSecond, kNone };
  Result<UniqueFd> Connect(const std::string& sandbox_id, Patience patience = Patience::kOneSecond) const;

  // Idempotent.
  void RemoveSocket(const std::string& sandbox_id) const;
  // The ids of all sandboxes that have a socket.
  Result<std::vector<std::string>> Sockets() const;

  // kNotFound when the container has not ended, or not under this boot.
  Result<ContainerExited> ReadExitRecord(const std::string& container_id) const;
  void RemoveExitRecord(const std::string& container_id) const;

 private:
  ShimLauncher(UniqueFd program, UniqueFd sockets, UniqueFd exits, int log_fd, SpawnFunction spawn)
      : program_(std::move(program)),
        sockets_dir_(std::move(sockets)),
        exits_dir_(std::move(exits)),
        log_fd_(log_fd),
        spawn_(std::move(spawn)) {}

  Result<> Start(NewShim& shim);

  UniqueFd program_;
  UniqueFd sockets_dir_;
  UniqueFd exits_dir_;
  int log_fd_;
  SpawnFunction spawn_;
};

}  // namespace davit
