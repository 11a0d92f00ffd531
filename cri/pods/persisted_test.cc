// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/persisted.h"

#include <gmock/gmock.h>

#include <future>
#include <new>
#include <thread>

#include "base/time.h"
#include "cri/pods/testing/written_at_once.h"

namespace davit::cri {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Life {
  int phase = 0;
};

template <int kPhase>
bool SetPhase(Life& life) {
  life.phase = kPhase;
  return true;
}

int64_t In(int64_t ms) {
  return MonotonicMilliseconds() + ms;
}

// A database that is not reached before Go: its disk hangs.
class HungStore : public RowStore {
 public:
  Result<> Write(std::span<const RowChange> changes) override {
    gone_.wait();
    MutexLock lock(mutex_);
    for (const RowChange& change : changes) rows_.push_back(*change.blob);
    return {};
  }
  void Go() { go_.set_value(); }
  std::vector<std::string> Rows() const {
    MutexLock lock(mutex_);
    return rows_;
  }

 private:
  std::promise<void> go_;
  std::shared_future<void> gone_ = go_.get_future().share();
  mutable Mutex mutex_;
  std::vector<std::string> rows_ GUARDED_BY(mutex_);
};

class PersistedTest : public testing::Test {
 protected:
  Persisted<Life>::Write Write() {
    return [this](const Life& life, RecordWriter::OnWritten on_written) {
      return writer_->Queue({Table::kContainers, "c", "s", std::to_string(life.phase)},
                            std::move(on_written));
    };
  }

  HungStore store_;
  std::unique_ptr<RecordWriter> writer_ = std::move(*RecordWriter::Start(store_));
  Persisted<Life> life_{{}, Write()};
};

TEST(Persisted, AWriteThatThrowsIsAnErrorAndTheChangeStays) {
  auto refuse = [](const Life&, const RecordWriter::OnWritten&) -> PendingWrite { throw std::bad_alloc(); };
  Persisted<Life> life({}, refuse);
  EXPECT_EQ(life.Change([](Life& l) { l.phase = 1; }).error().code, Code::kInternal);
  Result<> later;
  EXPECT_TRUE(life.TryChangeLater(SetPhase<2>, [&later](const Result<>& written) { later = written; }));
  EXPECT_FALSE(later);
  EXPECT_EQ(life.Get().phase, 2);
}

TEST_F(PersistedTest, AChangeForLaterIsSeenByReadersAndWaitersBeforeItIsWritten) {
  std::promise<Result<>> written;
  std::thread waiter([&] {
    EXPECT_TRUE(life_.WaitUntil([](const Life& l) { return l.phase == 7; }, In(60'000), SystemClock()));
  });
  EXPECT_TRUE(
      life_.TryChangeLater(SetPhase<7>, [&](const Result<>& outcome) { written.set_value(outcome); }));
  waiter.join();
  EXPECT_EQ(life_.Get().phase, 7);
  EXPECT_THAT(store_.Rows(), IsEmpty());
  store_.Go();
  EXPECT_TRUE(written.get_future().get());
  EXPECT_THAT(store_.Rows(), ElementsAre("7"));
}

TEST_F(PersistedTest, AChangeForLaterDoesNotWaitForAChangeThatIsBeingWritten) {
  std::thread slow([&] { EXPECT_TRUE(life_.Change([](Life& l) { l.phase = 1; })); });
  EXPECT_TRUE(life_.WaitUntil([](const Life& l) { return l.phase == 1; }, In(60'000), SystemClock()));
  std::promise<Result<>> written;
  EXPECT_TRUE(
      life_.TryChangeLater(SetPhase<2>, [&](const Result<>& outcome) { written.set_value(outcome); }));
  EXPECT_EQ(life_.Get().phase, 2);
  store_.Go();
  slow.join();
  EXPECT_TRUE(written.get_future().get());
  EXPECT_EQ(store_.Rows().back(), "2");
}

TEST_F(PersistedTest, TheRowIsTheNewestValueWhicheverThreadChangesIt) {
  store_.Go();
  auto count = [](Life& l) { return ++l.phase > 0; };
  std::thread other([&] {
    for (int i = 0; i < 500; ++i) life_.TryChangeLater(count, [](const Result<>&) {});
  });
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(life_.TryChange(count));
  other.join();
  writer_->Flush();
  EXPECT_EQ(store_.Rows().back(), "1000");
}

TEST_F(PersistedTest, ARefusedChangeIsNotWrittenNorCalledBack) {
  bool called = false;
  EXPECT_FALSE(life_.TryChangeLater([](Life&) { return false; }, [&](const Result<>&) { called = true; }));
  EXPECT_TRUE(life_.TryChange([](Life&) { return false; }));
  store_.Go();
  writer_->Flush();
  EXPECT_FALSE(called);
  EXPECT_THAT(store_.Rows(), IsEmpty());
}

TEST(Persisted, AChangeThatCannotBeWrittenStandsInMemory) {
  Persisted<Life> life({}, WrittenAtOnce<Life>([](const Life&) -> Result<> {
                         return Fail(Code::kResourceExhausted, "write", "c");
                       }));
  EXPECT_FALSE(life.Change([](Life& l) { l.phase = 3; }));
  EXPECT_EQ(life.Get().phase, 3);
  EXPECT_FALSE(life.WaitUntil([](const Life& l) { return l.phase == 4; }, In(0), SystemClock()));
}

TEST(Persisted, AWriteAtOnceIsCalledBackWithoutTheRecordsLock) {
  Persisted<Life> life({}, WrittenAtOnce<Life>([](const Life&) { return Result<>(); }));
  int seen = 0;
  life.TryChangeLater(SetPhase<5>, [&](const Result<>&) { seen = life.Get().phase; });
  EXPECT_EQ(seen, 5);
}

}  // namespace
}  // namespace davit::cri
