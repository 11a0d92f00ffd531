// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A separate davitd for tests (hack/scratch-davitd).
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace davit::e2e {

// The registry ("host:port") that has the images of tests/images. It is on loopback; the first call starts
// it, unless DAVIT_TEST_REGISTRY names one that hack/test has started already.
const std::string& TestRegistry();

// The constructor starts the daemon, and throws if that fails. The destructor removes everything that a test
// has left; Stop returns what that was.
class Instance {
 public:
  Instance();
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  std::string socket() const { return directory_ + "/davit.sock"; }
  // Scratch space that is removed with the instance; it has the log directories.
  const std::string& directory() const { return directory_; }
  pid_t pid() const;
  const std::string& bridge() const { return bridge_; }
  // The path of its cgroup from the root of each hierarchy: all of its cgroups are below.
  const std::string& cgroup() const { return cgroup_; }
  // Whether the cgroup driver is systemd ($DAVIT_TEST_CGROUP_DRIVER), and not cgroupfs.
  bool uses_systemd() const { return uses_systemd_; }
  // A cgroup that can be the parent of a pod's; the name has no "-".
  std::string CgroupParent(const std::string& name) const;
  // The cgroups of pods that name no parent, of one of them, and of a container.
  std::string CgroupOfPods() const;
  std::string CgroupOfPod(const std::string& pod) const;
  std::string CgroupOfContainer(const std::string& parent, const std::string& container) const;

  // Kill sends SIGKILL and waits for the daemon's end. Restart starts it with the same configuration and
  // waits until it serves.
  void Kill();
  // `starter` is put in front of the command; it and the daemon inherit `fds`, as {number here, number
  // there}.
  void Restart(const std::vector<std::string>& starter = {},
               const std::vector<std::pair<int, int>>& fds = {});

  // From now on, pulls from `host` use the registry at `address` ("host:port").
  void Mirror(const std::string& host, const std::string& address);

  // Ends the daemon. Returns what it has left besides pods' records, one item per line; must be empty if
  // every pod was removed before.
  std::string Stop();

  // All log lines of the daemon.
  std::string Log() const;

 private:
  void Start();
  std::string Below(const std::string& parent, const std::string& name) const;

  std::string directory_;
  std::string bridge_;
  std::string cgroup_;
  bool uses_systemd_ = false;
  bool running_ = false;
};

}  // namespace davit::e2e
