// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/trash.h"

#include <fcntl.h>
#include <stdio.h>

#include <system_error>
#include <utility>

#include "base/directory.h"
#include "base/guarded.h"
#include "base/ids.h"
#include "snapshotter/remove_tree.h"

namespace davit::snapshotter {

Result<std::unique_ptr<Trash>> Trash::Open(UniqueFd directory) {
  std::string prefix = TRY(NewId()).substr(0, 16);
  std::unique_ptr<Trash> trash(new Trash(std::move(directory), std::move(prefix)));
  try {
    trash->thread_ = std::thread(&Trash::Run, trash.get());
  } catch (const std::system_error& error) {
    return SystemError("start thread", "trash", error.code().value());
  }
  return trash;
}

Trash::Trash(UniqueFd directory, std::string prefix)
    : directory_(std::move(directory)), prefix_(std::move(prefix)) {}

Trash::~Trash() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  work_.NotifyAll();
  idle_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

Result<> Trash::Take(int dir_fd, const std::string& name) {
  std::string taken = prefix_ + "-" + std::to_string(taken_.fetch_add(1));
  if (renameat(dir_fd, name.c_str(), directory_.get(), taken.c_str()) < 0) {
    if (errno == ENOSPC || errno == EDQUOT) return RemoveTree(dir_fd, name, stop_);
    return SystemError("move to trash", name);
  }
  {
    MutexLock lock(mutex_);
    pending_ = true;
  }
  work_.NotifyOne();
  return {};
}

void Trash::WaitIdle() {
  MutexLock lock(mutex_);
  while ((pending_ || working_) && !stop_) idle_.Wait(mutex_);
}

std::vector<Error> Trash::Problems() const {
  MutexLock lock(mutex_);
  std::vector<Error> errors;
  errors.reserve(problems_.size());
  for (const auto& [name, error] : problems_) errors.push_back(error);
  return errors;
}

void Trash::Run() {
  while (NextPass()) RunGuarded("trash", [this] { EmptyOnce(); });
}

// Ends the pass before, and waits for a reason for the next; false when there will be none.
bool Trash::NextPass() {
  MutexLock lock(mutex_);
  working_ = false;
  if (!pending_) idle_.NotifyAll();
  while (!pending_ && !stop_) work_.Wait(mutex_);
  if (stop_) return false;
  pending_ = false;
  working_ = true;
  return true;
}

void Trash::EmptyOnce() {
  auto names = ListDirectory(directory_.get());
  if (!names) return AddProblem("", names.error());
  for (const std::string& name : *names) {
    if (IsProblem(name)) continue;
    Result<> removed = RemoveTree(directory_.get(), name, stop_);
    if (stop_) return;
    if (!removed) AddProblem(name, removed.error());
  }
}

bool Trash::IsProblem(const std::string& name) const {
  MutexLock lock(mutex_);
  return problems_.contains(name);
}

void Trash::AddProblem(const std::string& name, const Error& error) {
  MutexLock lock(mutex_);
  problems_.insert_or_assign(name, error);
}

}  // namespace davit::snapshotter
