// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/trash.h"

#include <stdio.h>

#include <utility>

#include "base/directory.h"
#include "base/guarded.h"
#include "base/ids.h"
#include "snapshotter/remove_tree.h"

namespace davit::snapshotter {
namespace {

bool IsFull(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT;
}

}  // namespace

Trash::Trash(OpenDirectory open, OnProblem on_problem)
    : open_(std::move(open)), on_problem_(std::move(on_problem)) {}

Result<> Trash::Take(int dir_fd, const std::string& name) {
  Result<UniqueFd> directory = open_();
  if (!directory) {
    if (IsFull(directory.error().os_errno)) return RemoveTree(dir_fd, name, stop_);
    return std::unexpected(std::move(directory).error());
  }
  std::string taken = TRY(NewId());
  if (renameat(dir_fd, name.c_str(), directory->get(), taken.c_str()) < 0) {
    if (IsFull(errno)) return RemoveTree(dir_fd, name, stop_);
    return SystemError("move to trash", name);
  }
  Resume();
  return {};
}

void Trash::Resume() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(pending_, true)) return;
  }
  // Without a thread the entries stay until the next reason to delete some.
  Result<> posted = Guarded("start", "deletions", [this]() -> Result<> {
    deletions_.Post([this] { Pass(); });
    return {};
  });
  if (posted) return;
  AddProblem("", posted.error());
  MutexLock lock(mutex_);
  pending_ = false;
  idle_.NotifyAll();
}

void Trash::Stop() {
  MutexLock lock(mutex_);
  stop_ = true;
  idle_.NotifyAll();
}

void Trash::Pass() {
  {
    MutexLock lock(mutex_);
    pending_ = false;
    working_ = true;
  }
  RunGuarded("trash", [this] { EmptyOnce(); });
  MutexLock lock(mutex_);
  working_ = false;
  idle_.NotifyAll();
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

void Trash::EmptyOnce() {
  Result<UniqueFd> directory = open_();
  if (!directory) return AddProblem("", directory.error());
  auto names = ListDirectory(directory->get());
  if (!names) return AddProblem("", names.error());
  for (const std::string& name : *names) {
    if (IsProblem(name)) continue;
    Result<> removed = RemoveTree(directory->get(), name, stop_);
    if (stop_) return;
    if (!removed) AddProblem(name, removed.error());
  }
}

bool Trash::IsProblem(const std::string& name) const {
  MutexLock lock(mutex_);
  return problems_.contains(name);
}

void Trash::AddProblem(const std::string& name, const Error& error) {
  {
    MutexLock lock(mutex_);
    problems_.insert_or_assign(name, error);
  }
  if (on_problem_) on_problem_(name, error);
}

}  // namespace davit::snapshotter
