// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A directory into which files and directories are renamed, to be deleted there in the background.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/elastic_pool.h"
#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"

namespace davit::snapshotter {

// Thread-safe. Deletes one entry at a time, also those that an earlier process has left. While there is
// nothing to delete it has no thread.
class Trash {
 public:
  // Opens the directory, O_RDONLY; it is on the same filesystem as the files that Take gets.
  using OpenDirectory = std::function<Result<UniqueFd>()>;
  // An entry that cannot be deleted, once for each; called on the deleting thread. An empty name: none can
  // be.
  using OnProblem = std::function<void(const std::string& name, const Error& error)>;

  explicit Trash(OpenDirectory open, OnProblem on_problem = nullptr);
  // Stops after the current unlink. Resume of the next object goes on.
  ~Trash() { Stop(); }
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;

  // Deletes what is in the directory. What could not be deleted before is left to the next object.
  void Resume() EXCLUDES(mutex_);

  // Moves `name` out of `dir_fd` at once (one rename); it is deleted later. kNotFound if it does not exist.
  // If the disk is too full for the rename, deletes it before returning.
  Result<> Take(int dir_fd, const std::string& name) EXCLUDES(mutex_);

  // Stops the deletions for good, without waiting for their end.
  void Stop() EXCLUDES(mutex_);

  // Blocks until all entries taken so far are deleted or cannot be deleted.
  void WaitIdle() EXCLUDES(mutex_);

  // Why the remaining entries could not be deleted.
  std::vector<Error> Problems() const EXCLUDES(mutex_);

  // The number of threads, for tests.
  size_t threads() const { return deletions_.threads(); }

 private:
  void Pass() EXCLUDES(mutex_);
  void EmptyOnce() EXCLUDES(mutex_);
  bool IsProblem(const std::string& name) const EXCLUDES(mutex_);
  void AddProblem(const std::string& name, const Error& error) EXCLUDES(mutex_);

  const OpenDirectory open_;
  const OnProblem on_problem_;
  std::atomic<bool> stop_ = false;

  mutable Mutex mutex_;
  CondVar idle_;
  bool pending_ GUARDED_BY(mutex_) = false;  // a pass is to begin
  bool working_ GUARDED_BY(mutex_) = false;
  std::map<std::string, Error> problems_ GUARDED_BY(mutex_);

  ElasticPool deletions_{/*most=*/1};  // last: its work uses the object
};

}  // namespace davit::snapshotter
