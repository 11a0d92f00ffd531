// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/record_writer.h"

#include <algorithm>
#include <iterator>
#include <system_error>

#include "base/guarded.h"

namespace davit::cri {
namespace {

// A transaction's bounds: a thread that waits for one row should not write all others first, and the log's
// reserve holds any group.
constexpr size_t kMaxGroupRows = 64;
constexpr size_t kMaxGroupBytes = 1 << 20;

size_t SizeOf(const RowChange& change) {
  return change.blob ? change.blob->size() : 0;
}

}  // namespace

Result<> PendingWrite::Wait() {
  return writer_ == nullptr ? outcome_ : writer_->Wait(state_);
}

Result<std::unique_ptr<RecordWriter>> RecordWriter::Start(RowStore& store) {
  std::unique_ptr<RecordWriter> writer(new RecordWriter(store));
  try {
    writer->thread_ = std::thread(&RecordWriter::Run, writer.get());
  } catch (const std::system_error& error) {
    return SystemError("start thread", "record writer", error.code().value());
  }
  return writer;
}

RecordWriter::~RecordWriter() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  work_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

PendingWrite RecordWriter::Queue(RowChange change, OnWritten on_written) {
  auto state = std::make_shared<PendingWrite::State>();
  bool attended = on_written == nullptr;
  state->on_written = std::move(on_written);
  {
    MutexLock lock(mutex_);
    Append({std::move(change), {state}});
    if (!attended) unattended_ = true;
  }
  if (!attended) work_.NotifyOne();
  return {*this, std::move(state)};
}

// A put takes the place of an earlier put: its sandbox's row is before it already. A delete goes to the end
// and replaces the puts that it undoes, those of a sandbox's containers included: they would find no sandbox.
// A put after a delete stays behind it, because the delete of a sandbox deletes containers as well.
void RecordWriter::Append(Entry entry) {
  Key key{entry.change.table, entry.change.id};
  bool deletes = !entry.change.blob;
  if (auto found = newest_.find(key); found != newest_.end()) {
    Entries::iterator earlier = found->second;
    bool same_kind = earlier->change.blob.has_value() != deletes;
    if (same_kind) {
      earlier->change = std::move(entry.change);
      std::ranges::move(entry.waiting, std::back_inserter(earlier->waiting));
      return;
    }
    if (deletes) std::ranges::move(Drop(earlier), std::back_inserter(entry.waiting));
  }
  if (deletes && entry.change.table == Table::kSandboxes) {
    for (auto next = queue_.begin(); next != queue_.end();) {
      Entries::iterator other = next++;
      if (other->change.table == Table::kContainers && other->change.sandbox_id == entry.change.id)
        std::ranges::move(Drop(other), std::back_inserter(entry.waiting));
    }
  }
  queue_.push_back(std::move(entry));
  newest_[std::move(key)] = std::prev(queue_.end());
}

RecordWriter::Waiting RecordWriter::Drop(Entries::iterator entry) {
  Waiting waiting = std::move(entry->waiting);
  auto newest = newest_.find({entry->change.table, entry->change.id});
  if (newest != newest_.end() && newest->second == entry) newest_.erase(newest);
  queue_.erase(entry);
  return waiting;
}

Result<> RecordWriter::Wait(const std::shared_ptr<PendingWrite::State>& state) {
  MutexLock lock(mutex_);
  while (!state->done) {
    if (writing_)
      written_.Wait(mutex_);
    else
      WriteGroup();
  }
  return state->outcome;
}

RecordWriter::Entries RecordWriter::TakeGroup() {
  Entries group;
  size_t bytes = 0;
  while (!queue_.empty() && group.size() < kMaxGroupRows) {
    Entries::iterator next = queue_.begin();
    bytes += SizeOf(next->change);
    if (!group.empty() && bytes > kMaxGroupBytes) break;
    auto newest = newest_.find({next->change.table, next->change.id});
    if (newest != newest_.end() && newest->second == next) newest_.erase(newest);
    group.splice(group.end(), queue_, next);
  }
  if (queue_.empty()) unattended_ = false;
  return group;
}

void RecordWriter::WriteGroup() {
  Entries group = TakeGroup();
  std::vector<RowChange> changes;
  changes.reserve(group.size());
  for (Entry& entry : group) changes.push_back(std::move(entry.change));
  writing_ = true;
  mutex_.Unlock();
  auto write = [this](std::span<const RowChange> some) {
    return Guarded("write", "records", [&] { return store_.Write(some); });
  };
  Result<> all = write(changes);
  std::vector<Result<>> outcomes(changes.size(), all);
  // One row's failure is not that of the others.
  for (size_t i = 0; !all && changes.size() > 1 && i < changes.size(); ++i)
    outcomes[i] = write(std::span(changes).subspan(i, 1));
  mutex_.Lock();
  writing_ = false;
  auto outcome = outcomes.begin();
  for (const Entry& entry : group) Settle(entry.waiting, *outcome++);
  written_.NotifyAll();
  if (unattended_ || !called_back_.empty()) work_.NotifyOne();
}

void RecordWriter::Settle(const Waiting& waiting, const Result<>& outcome) {
  for (const auto& state : waiting) {
    state->done = true;
    state->outcome = outcome;
    if (state->on_written) called_back_.push_back(state);
  }
}

void RecordWriter::MakeCallbacks() {
  while (!called_back_.empty()) {
    std::shared_ptr<PendingWrite::State> state = std::move(called_back_.front());
    called_back_.pop_front();
    calling_back_ = true;
    mutex_.Unlock();
    RunGuarded("records", [&] { state->on_written(state->outcome); });
    state.reset();
    mutex_.Lock();
    calling_back_ = false;
  }
  written_.NotifyAll();
}

void RecordWriter::Flush() {
  MutexLock lock(mutex_);
  while (!queue_.empty() || writing_ || calling_back_ || !called_back_.empty()) {
    if (!queue_.empty() && !writing_)
      WriteGroup();
    else
      written_.Wait(mutex_);
  }
}

void RecordWriter::Run() {
  MutexLock lock(mutex_);
  while (true) {
    if (!called_back_.empty())
      MakeCallbacks();
    else if (writing_)
      written_.Wait(mutex_);
    else if (unattended_ || (ending_ && !queue_.empty()))
      WriteGroup();
    else if (ending_)
      return;
    else
      work_.Wait(mutex_);
  }
}

}  // namespace davit::cri
