// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Shared by the tests of this folder: trees of plain files, and processes in cgroups.
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

namespace davit::cri {

// A temporary directory of plain files that stands for a cgroup mount; removed by the destructor.
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

// A child process, killed and reaped by the destructor. It also dies with the thread that created it.
class TestProcess {
 public:
  // Runs `body` after Go() and exits with its result, or with 255 if the object is destroyed before Go().
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
  // A process that only waits.
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

  // Waits for the end and returns the wait status.
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

}  // namespace davit::cri
