// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A directory into which files and directories are renamed, and a thread that deletes them there.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"

namespace davit::snapshotter {

// Thread-safe. Entries that were in the directory before Open are deleted, too: this resumes deletions that a
// crash or a restart interrupted.
class Trash {
 public:
  // `directory` is O_RDONLY and on the same filesystem as the files that Take gets.
  static Result<std::unique_ptr<Trash>> Open(UniqueFd directory);

  // Stops the thread after its current unlink. The next Open resumes the deletion.
  ~Trash();
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;

  // Moves `name` out of `dir_fd` at once (one rename); the thread deletes it later. kNotFound if it does not
  // exist. If the disk is too full for the rename, deletes it before returning.
  Result<> Take(int dir_fd, const std::string& name) EXCLUDES(mutex_);

  // Blocks until all entries taken so far are deleted or cannot be deleted.
  void WaitIdle() EXCLUDES(mutex_);

  // Why the remaining entries could not be deleted. The next Open tries again.
  std::vector<Error> Problems() const EXCLUDES(mutex_);

 private:
  Trash(UniqueFd directory, std::string prefix);

  void Run() EXCLUDES(mutex_);
  bool NextPass() EXCLUDES(mutex_);
  void EmptyOnce() EXCLUDES(mutex_);
  bool IsProblem(const std::string& name) const EXCLUDES(mutex_);
  void AddProblem(const std::string& name, const Error& error) EXCLUDES(mutex_);

  const UniqueFd directory_;
  const std::string prefix_;  // makes the names differ from those of earlier runs
  std::atomic<uint64_t> taken_ = 0;
  std::atomic<bool> stop_ = false;

  mutable Mutex mutex_;
  CondVar work_;
  CondVar idle_;
  bool pending_ GUARDED_BY(mutex_) = true;  // an entry was added after the last pass began
  bool working_ GUARDED_BY(mutex_) = false;
  std::map<std::string, Error> problems_ GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace davit::snapshotter
