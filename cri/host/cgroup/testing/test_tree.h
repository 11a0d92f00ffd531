// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the tests of this folder share: trees of plain files, and processes in cgroups.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/file_io.h"
#include "base/unique_fd.h"

namespace davit {

// A directory for a tree of plain files that stands for a cgroup mount; gone with the object.
class TestTree {
 public:
  TestTree() {
    char dir[] = "/tmp/davit-cgroup-test-XXXXXX";
    path_ = mkdtemp(dir);
  }
  ~TestTree() { std::filesystem::remove_all(path_); }
  TestTree(const TestTree&) = delete;
  TestTree& operator=(const TestTree&) = delete;

  const std::string& path() const { return path_; }

  void Write(const std::string& file, std::string_view content) const {
    std::filesystem::create_directories(std::filesystem::path(path_ + "/" + file).parent_path());
    std::ofstream(path_ + "/" + file) << content;
  }
  std::string Read(const std::string& file) const {
    return ReadFile(path_ + "/" + file).value_or("(missing)");
  }

 private:
  std::string path_;
};

// A child process; killed and reaped at the end. It dies with the thread that made it, whatever happens.
class TestProcess {
 public:
  // Runs `body` after Go and exits with its result, or without Go when the pipe ends.
  template <typename Body>
  explicit TestProcess(Body body) {
    int gate[2];
    if (pipe2(gate, O_CLOEXEC) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(gate[1]);
      char byte;
      _exit(read(gate[0], &byte, 1) == 1 ? body() : 255);
    }
    close(gate[0]);
    gate_.Reset(gate[1]);
  }
  // One that only is there.
  TestProcess() : TestProcess([] { return pause(); }) {}
  ~TestProcess() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  TestProcess(const TestProcess&) = delete;
  TestProcess& operator=(const TestProcess&) = delete;

  pid_t pid() const { return pid_; }
  void Go() { EXPECT_EQ(write(gate_.get(), "x", 1), 1); }

  // The wait status of its end.
  int Wait() {
    int status = -1;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_ = -1;
  UniqueFd gate_;
};

}  // namespace davit
