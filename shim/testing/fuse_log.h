// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A FUSE filesystem that a test can make hang, like a network filesystem whose server is down.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "shim/testing/scratch.h"

namespace davit::shim {

// One directory of regular files; a file exists as soon as its name is looked up. Implements the protocol of
// /dev/fuse itself (linux/fuse.h). The test must not open, close or write its files while it hangs.
class HangingFilesystem {
 public:
  // Why the host cannot provide it, or "".
  static std::string WhyNot();

  HangingFilesystem();
  ~HangingFilesystem();
  HangingFilesystem(const HangingFilesystem&) = delete;
  HangingFilesystem& operator=(const HangingFilesystem&) = delete;

  std::string operator/(const std::string& name) const { return mount_point_ / name; }
  std::string Content(const std::string& name);

  // From now on no request is answered.
  void Hang();
  // Blocks until a request is waiting for its answer.
  void AwaitVictim();
  // Answers the waiting requests, and all later ones.
  void Resume();

 private:
  struct Node {
    uint64_t id = 0;
    std::string content;
  };

  void Serve();
  void PassGate();
  void Handle(const std::vector<char>& request);
  void Reply(uint64_t unique, int error, const void* body = nullptr, size_t size = 0);
  Node* Find(uint64_t id);
  Node& Name(const std::string& name);

  ScratchDir mount_point_;
  UniqueFd server_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool hangs_ = false;
  bool has_victim_ = false;
  std::map<std::string, Node> nodes_;
  std::thread thread_;
};

}  // namespace davit::shim
