// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Starts shims and connects to running ones.
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

namespace davit::cri {

// On disk, below the state directory (volatile: a reboot clears it): `shims/<sandbox id>` is the listening
// socket of a shim, `exits/<container id>` an exit record that the daemon has not processed yet.
class ShimLauncher {
 public:
  using SpawnFunction = std::function<Result<ChildProcess>(const SpawnRequest&)>;

  // Copies the program at `shim_program` into a sealed memfd, from which every shim is started: so no
  // container can write to the binary that runs as root on the host. `log_fd` receives the shims' own log
  // lines. `spawn` is like davit::Spawn, but starts the child outside of the daemon's cgroup (ShimSpawner).
  static Result<std::unique_ptr<ShimLauncher>> Create(const std::string& shim_program,
                                                      const std::string& state_dir, int log_fd,
                                                      SpawnFunction spawn);

  // Starts a shim for a new sandbox and creates the id of that sandbox.
  Result<NewShim> Launch();
  // Kills and reaps a shim that serves no sandbox, and removes its socket.
  void Discard(NewShim shim) const;

  // Connects to a running shim. kUnavailable if the shim does not listen any more, kNotFound if there is no
  // socket. With kNone the call does not wait for a shim that does not accept; otherwise it waits for a
  // second.
  enum class Patience { kOneSecond, kNone };
  Result<UniqueFd> Connect(const std::string& sandbox_id, Patience patience = Patience::kOneSecond) const;

  // Idempotent.
  void RemoveSocket(const std::string& sandbox_id) const;
  // The ids of all sandboxes that have a socket.
  Result<std::vector<std::string>> Sockets() const;

  // kNotFound if the container has not ended since the last boot of the host.
  Result<shim::ContainerExited> ReadExitRecord(const std::string& container_id) const;
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

}  // namespace davit::cri
