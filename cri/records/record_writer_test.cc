// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/record_writer.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <new>
#include <set>
#include <thread>

#include "cri/records/testing/records_fixture.h"

namespace davit::cri {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

RowChange Put(Table table, const std::string& id, const std::string& blob, const std::string& sandbox = "") {
  return {table, id, sandbox, blob};
}
RowChange Delete(Table table, const std::string& id) {
  return {table, id, "", std::nullopt};
}

// Keeps what is written; the first write waits until Go.
class FakeStore : public RowStore {
 public:
  Result<> Write(std::span<const RowChange> changes) override {
    if (!held_.exchange(true)) {
      begun_.set_value();
      go_.get_future().wait();
    }
    MutexLock lock(mutex_);
    ++transactions_;
    for (const RowChange& change : changes) {
      if (change.id == "throws") throw std::bad_alloc();
      if (bad_.contains(change.id)) return Fail(Code::kFailedPrecondition, "write", change.id);
    }
    written_.insert(written_.end(), changes.begin(), changes.end());
    return {};
  }
  void AwaitFirst() { begun_.get_future().wait(); }
  void Go() { go_.set_value(); }
  void DoNotHold() { held_ = true; }
  void Refuse(const std::string& id) {
    MutexLock lock(mutex_);
    bad_.insert(id);
  }
  std::vector<RowChange> Written() const {
    MutexLock lock(mutex_);
    return written_;
  }
  int transactions() const {
    MutexLock lock(mutex_);
    return transactions_;
  }

 private:
  std::atomic<bool> held_ = false;
  std::promise<void> begun_;
  std::promise<void> go_;
  mutable Mutex mutex_;
  std::vector<RowChange> written_ GUARDED_BY(mutex_);
  std::set<std::string> bad_ GUARDED_BY(mutex_);
  int transactions_ GUARDED_BY(mutex_) = 0;
};

class RecordWriterTest : public testing::Test {
 protected:
  void SetUp() override { writer_ = std::move(*RecordWriter::Start(store_)); }

  void Later(RowChange change) {
    std::ignore = writer_->Queue(std::move(change), [this](const Result<>& outcome) {
      MutexLock lock(mutex_);
      outcomes_.push_back(outcome.has_value());
      callers_.insert(std::this_thread::get_id());
    });
  }
  // Queues behind a write that is under way.
  void HoldTheFirstWrite() {
    Later(Put(Table::kSettings, "first", ""));
    store_.AwaitFirst();
  }
  std::vector<bool> outcomes() const {
    MutexLock lock(mutex_);
    return outcomes_;
  }

  FakeStore store_;
  mutable Mutex mutex_;
  std::vector<bool> outcomes_ GUARDED_BY(mutex_);
  std::set<std::thread::id> callers_ GUARDED_BY(mutex_);
  std::unique_ptr<RecordWriter> writer_;
};

TEST_F(RecordWriterTest, QueueingDoesNotWaitForTheStore) {
  HoldTheFirstWrite();
  Later(Put(Table::kSandboxes, "s1", "x"));
  EXPECT_THAT(outcomes(), IsEmpty());
  store_.Go();
  writer_->Flush();
  EXPECT_THAT(outcomes(), ElementsAre(true, true));
}

TEST_F(RecordWriterTest, WhatHasGatheredIsOneTransactionInOrder) {
  HoldTheFirstWrite();
  Later(Put(Table::kSandboxes, "s1", "x"));
  Later(Put(Table::kContainers, "c1", "x", "s1"));
  Later(Put(Table::kSandboxes, "s2", "x"));
  store_.Go();
  writer_->Flush();
  EXPECT_THAT(store_.Written(),
              ElementsAre(Put(Table::kSettings, "first", ""), Put(Table::kSandboxes, "s1", "x"),
                          Put(Table::kContainers, "c1", "x", "s1"), Put(Table::kSandboxes, "s2", "x")));
  EXPECT_EQ(store_.transactions(), 2);
}

TEST_F(RecordWriterTest, TheNewestValueOfARowIsWrittenOnce) {
  HoldTheFirstWrite();
  for (int i = 0; i < 100; ++i) Later(Put(Table::kSandboxes, "s1", std::to_string(i)));
  store_.Go();
  writer_->Flush();
  EXPECT_THAT(store_.Written(),
              ElementsAre(Put(Table::kSettings, "first", ""), Put(Table::kSandboxes, "s1", "99")));
  EXPECT_THAT(outcomes(), SizeIs(101)) << "every caller is called back";
}

TEST_F(RecordWriterTest, AValueQueuedDuringItsRowsWriteIsWrittenAfterIt) {
  Later(Put(Table::kSandboxes, "s1", "old"));
  store_.AwaitFirst();
  Later(Put(Table::kSandboxes, "s1", "new"));
  store_.Go();
  writer_->Flush();
  EXPECT_THAT(store_.Written(),
              ElementsAre(Put(Table::kSandboxes, "s1", "old"), Put(Table::kSandboxes, "s1", "new")));
}

TEST_F(RecordWriterTest, ADeleteUndoesThePutsBeforeItAndNoneAfterIt) {
  HoldTheFirstWrite();
  Later(Put(Table::kSandboxes, "s1", "x"));
  Later(Put(Table::kContainers, "c1", "x", "s1"));
  Later(Put(Table::kContainers, "c2", "x", "s2"));
  Later(Delete(Table::kSandboxes, "s1"));
  Later(Put(Table::kSandboxes, "s1", "again"));
  store_.Go();
  writer_->Flush();
  EXPECT_THAT(store_.Written(),
              ElementsAre(Put(Table::kSettings, "first", ""), Put(Table::kContainers, "c2", "x", "s2"),
                          Delete(Table::kSandboxes, "s1"), Put(Table::kSandboxes, "s1", "again")));
  EXPECT_THAT(outcomes(), ElementsAre(true, true, true, true, true, true));
}

TEST_F(RecordWriterTest, OneBadRowFailsAlone) {
  store_.Refuse("bad");
  HoldTheFirstWrite();
  Later(Put(Table::kSandboxes, "good1", "x"));
  Later(Put(Table::kSandboxes, "bad", "x"));
  Later(Put(Table::kSandboxes, "good2", "x"));
  store_.Go();
  writer_->Flush();
  EXPECT_THAT(outcomes(), ElementsAre(true, true, false, true));
  EXPECT_THAT(store_.Written(),
              ElementsAre(Put(Table::kSettings, "first", ""), Put(Table::kSandboxes, "good1", "x"),
                          Put(Table::kSandboxes, "good2", "x")));
}

TEST_F(RecordWriterTest, WhatThrowsFailsAlone) {
  HoldTheFirstWrite();
  std::ignore = writer_->Queue(Put(Table::kSandboxes, "called back", "x"),
                               [](const Result<>&) { throw std::bad_alloc(); });
  Later(Put(Table::kSandboxes, "throws", "x"));
  Later(Put(Table::kSandboxes, "good", "x"));
  store_.Go();
  writer_->Flush();
  EXPECT_THAT(outcomes(), ElementsAre(true, false, true));
}

TEST_F(RecordWriterTest, AThreadThatWaitsWritesByItself) {
  store_.DoNotHold();
  EXPECT_TRUE(writer_->Queue(Put(Table::kSandboxes, "s1", "x")).Wait());
  EXPECT_THAT(store_.Written(), SizeIs(1));
  store_.Refuse("bad");
  EXPECT_EQ(writer_->Queue(Put(Table::kSandboxes, "bad", "x")).Wait().error().code,
            Code::kFailedPrecondition);
}

TEST_F(RecordWriterTest, AThreadThatWaitsDuringAWriteGetsTheNewestValueWritten) {
  HoldTheFirstWrite();
  Later(Put(Table::kSandboxes, "s1", "old"));
  PendingWrite pending = writer_->Queue(Put(Table::kSandboxes, "s1", "new"));
  store_.Go();
  EXPECT_TRUE(pending.Wait());
  EXPECT_THAT(store_.Written(),
              ElementsAre(Put(Table::kSettings, "first", ""), Put(Table::kSandboxes, "s1", "new")));
}

TEST_F(RecordWriterTest, CallbacksComeOnOneThreadWhichIsNoneOfTheCallers) {
  store_.DoNotHold();
  for (int i = 0; i < 100; ++i) {
    Later(Put(Table::kSandboxes, "later" + std::to_string(i), "x"));
    EXPECT_TRUE(writer_->Queue(Put(Table::kSandboxes, "now" + std::to_string(i), "x")).Wait());
  }
  writer_->Flush();
  MutexLock lock(mutex_);
  EXPECT_THAT(callers_, SizeIs(1));
  EXPECT_FALSE(callers_.contains(std::this_thread::get_id()));
}

TEST_F(RecordWriterTest, ACallbackMayQueueAndWait) {
  store_.DoNotHold();
  std::promise<Result<>> inner;
  std::ignore = writer_->Queue(Put(Table::kSandboxes, "outer", "x"), [&](const Result<>&) {
    inner.set_value(writer_->Queue(Put(Table::kSandboxes, "inner", "x")).Wait());
  });
  EXPECT_TRUE(inner.get_future().get());
}

TEST_F(RecordWriterTest, WhatIsQueuedIsWrittenBeforeTheWriterEnds) {
  HoldTheFirstWrite();
  for (int i = 0; i < 500; ++i) Later(Put(Table::kSandboxes, std::to_string(i), "x"));
  store_.Go();
  writer_.reset();
  EXPECT_THAT(store_.Written(), SizeIs(501));
  EXPECT_THAT(outcomes(), SizeIs(501));
}

class QueuedRecordsTest : public RecordsTest {};

TEST_F(QueuedRecordsTest, TheRowInTheDatabaseIsTheNewestHoweverItWasWritten) {
  Open();
  for (int round = 0; round < 200; ++round) {
    std::string last = std::to_string(round);
    std::ignore = records_->QueueSandbox({"s1", "queued " + last}, [](const Result<>&) {});
    ASSERT_TRUE(records_->PutSandbox({"s1", "put " + last}));
    EXPECT_THAT(*records_->Sandboxes(), ElementsAre(SandboxRow{"s1", "put " + last}));
    std::ignore = records_->QueueSandbox({"s1", "last " + last}, [](const Result<>&) {});
    records_->Flush();
    EXPECT_THAT(*records_->Sandboxes(), ElementsAre(SandboxRow{"s1", "last " + last}));
  }
}

TEST_F(QueuedRecordsTest, ACallbackFindsItsRowCommitted) {
  Open();
  std::promise<std::vector<SandboxRow>> found;
  std::ignore = records_->QueueSandbox({"s1", "x"}, [&](const Result<>& outcome) {
    EXPECT_TRUE(outcome);
    found.set_value(*records_->Sandboxes());
  });
  EXPECT_THAT(found.get_future().get(), ElementsAre(SandboxRow{"s1", "x"}));
}

TEST_F(QueuedRecordsTest, ADeletionThatFollowsAQueuedRowWins) {
  Open();
  for (int round = 0; round < 200; ++round) {
    ASSERT_TRUE(records_->PutSandbox({"s1", "x"}));
    std::ignore = records_->QueueContainer({"c1", "s1", "x"}, [](const Result<>&) {});
    std::ignore = records_->QueueSandbox({"s1", "y"}, [](const Result<>&) {});
    ASSERT_TRUE(records_->DeleteSandbox("s1"));
    records_->Flush();
    ASSERT_THAT(*records_->Sandboxes(), IsEmpty());
    ASSERT_THAT(*records_->Containers(), IsEmpty());
  }
}

TEST_F(QueuedRecordsTest, ClosingTheDatabaseWritesWhatIsQueued) {
  Open();
  std::atomic<int> called = 0;
  for (int i = 0; i < 300; ++i)
    std::ignore = records_->QueueSandbox({std::to_string(i), "x"}, [&](const Result<>&) { ++called; });
  Open();
  EXPECT_EQ(called, 300);
  EXPECT_THAT(*records_->Sandboxes(), SizeIs(300));
}

}  // namespace
}  // namespace davit::cri
