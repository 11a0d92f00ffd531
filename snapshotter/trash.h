// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A directory that things are renamed into, and a thread that deletes them there.
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

namespace davit {

// Thread-safe. What was in the directory before Open is deleted too: it is how a deletion that a crash or a
// restart cut short goes on.
class Trash {
 public:
  // `directory` is O_RDONLY and on the filesystem of whatever is taken later.
  static Result<std::unique_ptr<Trash>> Open(UniqueFd directory);

  // Stops the thread after the unlink it is at, and leaves the rest to the next Open.
  ~Trash();
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;

  // Takes `name` out of `dir_fd` at once (one rename) and deletes it later. kNotFound when there is none. A
  // full disk may have no room for another directory entry: then it is deleted before this returns.
  Result<> Take(int dir_fd, const std::string& name) EXCLUDES(mutex_);

  // Returns when everything taken so far is deleted or has turned out to be undeletable.
  void WaitIdle() EXCLUDES(mutex_);

  // Why the entries that are still here could not be deleted. They are tried again by the next Open.
  std::vector<Error> Problems() const EXCLUDES(mutex_);

 private:
  Trash(UniqueFd directory, std::string prefix);

  void Run() EXCLUDES(mutex_);
  bool NextPass() EXCLUDES(mutex_);
  void EmptyOnce() EXCLUDES(mutex_);
  bool IsProblem(const std::string& name) const EXCLUDES(mutex_);
  void AddProblem(const std::string& name, const Error& error) EXCLUDES(mutex_);

  const UniqueFd directory_;
  const std::string prefix_;  // makes names unlike those of earlier runs
  std::atomic<uint64_t> taken_ = 0;
  std::atomic<bool> stop_ = false;

  mutable Mutex mutex_;
  CondVar work_;
  CondVar idle_;
  bool pending_ GUARDED_BY(mutex_) = true;  // something came since the last pass began
  bool working_ GUARDED_BY(mutex_) = false;
  std::map<std::string, Error> problems_ GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace davit
