// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A davitd of a test's own (hack/scratch-davitd).
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace davit::e2e {

// Where the images of tests/images come from: a registry on loopback, which the first use starts (or takes
// from DAVIT_TEST_REGISTRY, where hack/test has it running already). "host:port".
const std::string& TestRegistry();

// Starts with construction, throws when that fails. Whatever a test leaves running is removed by the
// destructor; Stop says what that was.
class Instance {
 public:
  Instance();
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  std::string socket() const { return directory_ + "/davit.sock"; }
  // Scratch space that goes with the instance; log directories lie here.
  const std::string& directory() const { return directory_; }
  pid_t pid() const;
  // Its bridge, and the path of its cgroup from the root of each hierarchy.
  const std::string& bridge() const { return bridge_; }
  const std::string& cgroup() const { return cgroup_; }

  // SIGKILL, waiting for its end; then the same configuration again, waiting until it serves.
  void Kill();
  // `starter` is put in front of the command, `fds` ({ours, number there}) are for it and the daemon.
  void Restart(const std::vector<std::string>& starter = {},
               const std::vector<std::pair<int, int>>& fds = {});

  // Pulls from `host` go to the registry at `address` ("host:port") from now on.
  void Mirror(const std::string& host, const std::string& address);

  // Ends the daemon. What it has left behind besides pods' records, one per line; empty is the only good
  // answer, and only expected once every pod is removed.
  std::string Stop();

  // Everything that the daemon has logged.
  std::string Log() const;

 private:
  void Start();

  std::string directory_;
  std::string bridge_;
  std::string cgroup_;
  bool running_ = false;
};

}  // namespace davit::e2e
