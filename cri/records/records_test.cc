// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file_io.h"
#include "cri/records/schema.h"
#include "cri/records/testing/records_fixture.h"

namespace davit::cri {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

TEST_F(RecordsTest, RowsOutliveTheProcessThatWroteThem) {
  Open();
  ASSERT_TRUE(records_->PutSandbox({"s1", std::string("a\0b", 3)}));
  ASSERT_TRUE(records_->PutContainer({"c1", "s1", ""}));
  ASSERT_TRUE(records_->PutImageDurably({"i1", "image"}));
  Open();
  EXPECT_THAT(*records_->Sandboxes(), UnorderedElementsAre(SandboxRow{"s1", std::string("a\0b", 3)}));
  EXPECT_THAT(*records_->Containers(), UnorderedElementsAre(ContainerRow{"c1", "s1", ""}));
  EXPECT_THAT(*records_->Images(), UnorderedElementsAre(ImageRow{"i1", "image"}));
}

TEST_F(RecordsTest, ACopyOfTheFilesTakenAtAnyTimeHoldsEveryCommit) {
  Open();
  ASSERT_TRUE(records_->PutSandbox({"s1", "one"}));
  // What another process finds after this one was killed: the files as they are now, nothing closed or
  // checkpointed.
  std::filesystem::create_directory(dir_ + "/crash");
  std::filesystem::copy(path_, dir_ + "/crash/records.db");
  std::filesystem::copy(path_ + "-wal", dir_ + "/crash/records.db-wal");
  Result<std::unique_ptr<Records>> survivor = Records::Open(dir_ + "/crash/records.db");
  ASSERT_TRUE(survivor) << survivor.error().ToString();
  EXPECT_THAT(*(*survivor)->Sandboxes(), UnorderedElementsAre(SandboxRow{"s1", "one"}));
}

TEST_F(RecordsTest, PutReplacesTheRowOfTheSameId) {
  Open();
  ASSERT_TRUE(records_->PutSandbox({"s1", "one"}));
  ASSERT_TRUE(records_->PutSandbox({"s1", "two"}));
  ASSERT_TRUE(records_->PutContainer({"c1", "s1", "one"}));
  ASSERT_TRUE(records_->PutContainer({"c1", "s1", "two"}));
  ASSERT_TRUE(records_->PutImageDurably({"i1", "one"}));
  ASSERT_TRUE(records_->PutImageDurably({"i1", "two"}));
  EXPECT_THAT(*records_->Sandboxes(), UnorderedElementsAre(SandboxRow{"s1", "two"}));
  EXPECT_THAT(*records_->Containers(), UnorderedElementsAre(ContainerRow{"c1", "s1", "two"}));
  EXPECT_THAT(*records_->Images(), UnorderedElementsAre(ImageRow{"i1", "two"}));
}

TEST_F(RecordsTest, ReplacingASandboxKeepsItsContainers) {
  Open();
  ASSERT_TRUE(records_->PutSandbox({"s1", "one"}));
  ASSERT_TRUE(records_->PutContainer({"c1", "s1", "x"}));
  ASSERT_TRUE(records_->PutSandbox({"s1", "two"}));
  EXPECT_THAT(*records_->Containers(), SizeIs(1));
}

TEST_F(RecordsTest, DeletingASandboxTakesItsContainersAndNoOther) {
  Open();
  ASSERT_TRUE(records_->PutSandbox({"s1", ""}));
  ASSERT_TRUE(records_->PutSandbox({"s2", ""}));
  ASSERT_TRUE(records_->PutContainer({"c1", "s1", ""}));
  ASSERT_TRUE(records_->PutContainer({"c2", "s1", ""}));
  ASSERT_TRUE(records_->PutContainer({"c3", "s2", ""}));
  ASSERT_TRUE(records_->DeleteSandbox("s1"));
  EXPECT_THAT(*records_->Sandboxes(), UnorderedElementsAre(SandboxRow{"s2", ""}));
  EXPECT_THAT(*records_->Containers(), UnorderedElementsAre(ContainerRow{"c3", "s2", ""}));
}

TEST_F(RecordsTest, DeletingWhatIsNotThereSucceeds) {
  Open();
  EXPECT_TRUE(records_->DeleteSandbox("x"));
  EXPECT_TRUE(records_->DeleteContainer("x"));
  EXPECT_TRUE(records_->DeleteImageDurably("x"));
}

TEST_F(RecordsTest, SettingsAreKeptAndEmptyUntilTheyAreSet) {
  Open();
  EXPECT_EQ(*records_->Setting("pod_cidr"), "");
  ASSERT_TRUE(records_->PutSetting("pod_cidr", "one"));
  ASSERT_TRUE(records_->PutSetting("pod_cidr", "two"));
  records_.reset();
  Open();
  EXPECT_EQ(*records_->Setting("pod_cidr"), "two");
}

TEST_F(RecordsTest, VolumesAreKeptByName) {
  Open();
  ASSERT_TRUE(records_->PutVolumeDurably({"data", "one"}));
  ASSERT_TRUE(records_->PutVolumeDurably({"data", "two"}));
  ASSERT_TRUE(records_->PutVolumeDurably({"gone", ""}));
  ASSERT_TRUE(records_->DeleteVolume("gone"));
  EXPECT_TRUE(records_->DeleteVolume("nothing"));
  records_.reset();
  Open();
  EXPECT_THAT(*records_->VolumeRows(), UnorderedElementsAre(VolumeRow{"data", "two"}));
}

TEST_F(RecordsTest, AContainerNeedsItsSandbox) {
  Open();
  Result<> put = records_->PutContainer({"c1", "nobody", ""});
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(*records_->Containers(), IsEmpty());
}

TEST_F(RecordsTest, TheFilesAreForRootAlone) {
  umask(0);
  Open();
  ASSERT_TRUE(records_->PutSandbox({"s1", "secret"}));
  umask(022);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat st{};
    ASSERT_EQ(stat((path_ + suffix).c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(RecordsTest, ADamagedHeaderIsRefusedWithAdviceAndLeftAlone) {
  std::string garbage(8192, 'x');
  std::ofstream(path_) << garbage;
  Result<std::unique_ptr<Records>> records = Records::Open(path_);
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code, Code::kDataLoss);
  EXPECT_THAT(records.error().ToString(),
              AllOf(HasSubstr(path_), HasSubstr(".recover"), HasSubstr("move it away")));
  EXPECT_EQ(*ReadFile(path_), garbage);
}

TEST_F(RecordsTest, ADamagedPageIsFoundWhenTheDatabaseIsOpened) {
  Open();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(records_->PutSandbox({std::to_string(i), std::string(1000, 'x')}));
  records_.reset();
  std::filesystem::remove(path_ + "-wal");  // it has whole copies of the pages
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  file << std::string(4096, '\xff');
  file.close();
  Result<std::unique_ptr<Records>> records = Records::Open(path_);
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code, Code::kDataLoss) << records.error().ToString();
  EXPECT_THAT(records.error().ToString(), HasSubstr(".recover"));
}

TEST_F(RecordsTest, ANewerSchemaIsRefused) {
  Open();
  records_.reset();
  ASSERT_TRUE(sqlite::Connection::Open(path_)->Execute("PRAGMA user_version = 1000"));
  Result<std::unique_ptr<Records>> records = Records::Open(path_);
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(records.error().ToString(), HasSubstr("newer davitd"));
}

// The previous release's check of the version, its statements and its deletions.
TEST_F(RecordsTest, ThePreviousReleaseOpensAndChangesTheDatabase) {
  Open();
  ASSERT_TRUE(records_->PutSandbox({"s1", "one"}));
  ASSERT_TRUE(records_->PutSandbox({"s2", "two", "local/l1"}));
  ASSERT_TRUE(records_->AddLocal({"l1", "record", "spec"}));
  ASSERT_TRUE(records_->PutVolumeDurably({"data", "volume"}));
  records_.reset();
  {
    auto connection = sqlite::Connection::Open(path_);
    ASSERT_TRUE(connection->Execute("PRAGMA foreign_keys = ON"));
    EXPECT_LE(*connection->QueryInteger("PRAGMA user_version"), 2);
    for (const char* statement : {"INSERT INTO sandboxes (id, blob) VALUES ('s3', x'33') ON CONFLICT (id) DO "
                                  "UPDATE SET blob = excluded.blob",
                                  "INSERT INTO sandboxes (id, blob) VALUES ('s2', x'34') ON CONFLICT (id) DO "
                                  "UPDATE SET blob = excluded.blob",
                                  "DELETE FROM sandboxes WHERE id = 's1'"})
      ASSERT_TRUE(connection->Execute(statement));
  }
  Open();
  EXPECT_THAT(*records_->Sandboxes(),
              UnorderedElementsAre(SandboxRow{"s2", "4", "local/l1"}, SandboxRow{"s3", "3"}));
  EXPECT_THAT(*records_->Locals(), UnorderedElementsAre(LocalRow{"l1", "record", "spec"}));
  EXPECT_THAT(*records_->VolumeRows(), UnorderedElementsAre(VolumeRow{"data", "volume"}));
}

// What the release before the last two additions has left.
TEST_F(RecordsTest, MissingAdditionsAreMadeWhenTheDatabaseIsOpened) {
  Open();
  ASSERT_TRUE(records_->AddLocal({"l1", "record", "spec"}));
  ASSERT_TRUE(records_->PutSetting("schema_additions", "1"));
  records_.reset();
  ASSERT_TRUE(
      sqlite::Connection::Open(path_)->Execute("DROP TABLE local_volumes; DROP TABLE local_networks"));
  Open();
  EXPECT_THAT(*records_->VolumeRows(), IsEmpty());
  ASSERT_TRUE(records_->PutVolumeDurably({"data", "volume"}));
  ASSERT_TRUE(records_->PutNetwork({"n1", "network", ""}));
  EXPECT_THAT(*records_->Networks(), UnorderedElementsAre(LocalRow{"n1", "network", ""}));
  ASSERT_TRUE(records_->DeleteNetwork("n1"));
  EXPECT_THAT(*records_->Networks(), IsEmpty());
  EXPECT_THAT(*records_->Locals(), UnorderedElementsAre(LocalRow{"l1", "record", "spec"}));
}

TEST_F(RecordsTest, AdditionsOfANewerReleaseAreLeftAlone) {
  Open();
  ASSERT_TRUE(records_->PutSetting("schema_additions", "1000"));
  records_.reset();
  Open();
  EXPECT_EQ(*records_->Setting("schema_additions"), "1000");
}

TEST_F(RecordsTest, TheSpecOfALocalContainerIsWrittenOnceAndGoesWithIt) {
  Open();
  Result<> unknown = records_->QueueLocal({"l1", "x"}, nullptr).Wait();
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kFailedPrecondition);
  ASSERT_TRUE(records_->AddLocal({"l1", "one", "spec"}));
  ASSERT_TRUE(records_->QueueLocal({"l1", "two", "ignored"}, nullptr).Wait());
  EXPECT_THAT(*records_->Locals(), UnorderedElementsAre(LocalRow{"l1", "two", "spec"}));
  ASSERT_TRUE(records_->DeleteLocal("l1"));
  EXPECT_THAT(*records_->Locals(), IsEmpty());
  EXPECT_TRUE(records_->DeleteLocal("l1"));
  EXPECT_FALSE(records_->QueueLocal({"l1", "three"}, nullptr).Wait()) << "no later write brings it back";
}

TEST_F(RecordsTest, TheOwnerOfASandboxStays) {
  Open();
  ASSERT_TRUE(records_->PutSandbox({"s1", "one", "local/l1"}));
  ASSERT_TRUE(records_->PutSandbox({"s1", "two", "somebody else"}));
  EXPECT_THAT(*records_->Sandboxes(), UnorderedElementsAre(SandboxRow{"s1", "two", "local/l1"}));
}

TEST_F(RecordsTest, AFileThatCannotBeMadeIsNamed) {
  Result<std::unique_ptr<Records>> records = Records::Open(dir_ + "/no/such/dir.db");
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code, Code::kNotFound);
  EXPECT_THAT(records.error().ToString(), HasSubstr("/no/such/dir.db"));
}

TEST_F(RecordsTest, ConcurrentWritersLoseNothing) {
  Open();
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([this, writer] {
      for (int i = 0; i < 50; ++i) {
        std::string id = std::to_string(writer) + "-" + std::to_string(i);
        EXPECT_TRUE(records_->PutSandbox({id, "x"}));
        EXPECT_TRUE(records_->PutContainer({id, id, "x"}));
        if (i % 10 == 0) {
          EXPECT_TRUE(records_->PutImageDurably({id, "x"}));
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_THAT(*records_->Sandboxes(), SizeIs(200));
  EXPECT_THAT(*records_->Containers(), SizeIs(200));
  EXPECT_THAT(*records_->Images(), SizeIs(20));
}

TEST_F(RecordsTest, TheFilesKeepTheirRoomOverACheckpointAndARestart) {
  Open();
  uint64_t log = std::filesystem::file_size(path_ + "-wal");
  EXPECT_GE(log, 4U << 20);
  for (int i = 0; i < 2000; ++i)
    ASSERT_TRUE(records_->PutSandbox({std::to_string(i % 10), std::string(9000, 'x')}));
  records_.reset();
  uint64_t file = std::filesystem::file_size(path_);
  EXPECT_GE(file, 1U << 20) << "closing does a checkpoint";
  EXPECT_GE(std::filesystem::file_size(path_ + "-wal"), log);
  Open();
  EXPECT_THAT(*records_->Sandboxes(), SizeIs(10));
  EXPECT_EQ(std::filesystem::file_size(path_ + "-wal"), log) << "what the log had grown beyond is given back";
}

class CheckpointerTest : public RecordsTest {
 protected:
  // A database with one table and a writer connection that tells the checkpointer of its commits.
  void Start(Checkpointer::Limits limits) {
    std::ofstream(path_).close();
    writer_ = std::move(*sqlite::Connection::Open(path_));
    ASSERT_EQ(*writer_.QueryText("PRAGMA journal_mode = WAL"), "wal");
    ASSERT_TRUE(writer_.Execute("PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)"));
    Result<std::unique_ptr<Checkpointer>> started = Checkpointer::Start(path_, mutex_, limits);
    ASSERT_TRUE(started) << started.error().ToString();
    checkpointer_ = std::move(*started);
    writer_.OnCommit([this](int pages) {
      pages_.push_back(pages);
      checkpointer_->Committed(pages);
    });
  }
  void Insert() {
    MutexLock lock(mutex_);
    ASSERT_TRUE(writer_.Execute("INSERT INTO t VALUES (zeroblob(4000))"));
  }
  uint64_t WalSize() const { return std::filesystem::file_size(path_ + "-wal"); }
  // Inserts until the log was begun anew between two commits: without that, each finds a longer one than the
  // last. False when it never was.
  bool InsertUntilTheLogIsBegunAnew() {
    Insert();
    for (int i = 0; i < 100000; ++i) {
      Insert();
      if (pages_.back() <= pages_.end()[-2]) return true;
    }
    return false;
  }
  void TearDown() override {
    checkpointer_.reset();
    writer_ = sqlite::Connection();
    RecordsTest::TearDown();
  }

  Mutex mutex_;
  std::vector<int> pages_;
  sqlite::Connection writer_;
  std::unique_ptr<Checkpointer> checkpointer_;
};

constexpr uint64_t kWalHeader = 32;
constexpr uint64_t kWalFrame = 24 + 4096;

TEST_F(CheckpointerTest, WritersNeverMeetALogWithoutItsHeader) {
  Start({});
  EXPECT_EQ(WalSize(), kWalHeader + kWalFrame);
  Insert();
  EXPECT_GT(pages_.back(), 1);
}

TEST_F(CheckpointerTest, AWriterWithoutRoomHasTheLogBegunAnew) {
  Start({.max_pages = 1 << 30, .quiet = std::chrono::hours(1), .kept_bytes = 0});
  for (int i = 0; i < 100; ++i) Insert();
  EXPECT_GT(pages_.back(), 100);
  ASSERT_TRUE(checkpointer_->EmptyNow());
  Insert();
  EXPECT_LT(pages_.back(), 10);
  ASSERT_TRUE(checkpointer_->EmptyNow());
}

TEST_F(CheckpointerTest, TheLogKeepsTheBytesThatItIsToKeep) {
  Start({.max_pages = 1 << 30, .quiet = std::chrono::hours(1), .kept_bytes = 0});
  for (int i = 0; i < 300; ++i) Insert();
  checkpointer_->KeepLogBytes(1 << 20);
  ASSERT_TRUE(checkpointer_->EmptyNow());
  EXPECT_EQ(WalSize(), 1U << 20);
}

TEST_F(CheckpointerTest, ALongLogIsBegunAnew) {
  Start({.max_pages = 20, .quiet = std::chrono::hours(1), .kept_bytes = 0});
  EXPECT_TRUE(InsertUntilTheLogIsBegunAnew());
  EXPECT_TRUE(checkpointer_->State());
}

TEST_F(CheckpointerTest, AQuietLogIsBegunAnew) {
  Start({.max_pages = 1 << 30, .quiet = std::chrono::milliseconds(0), .kept_bytes = 0});
  EXPECT_TRUE(InsertUntilTheLogIsBegunAnew());
  EXPECT_TRUE(checkpointer_->State());
}

TEST_F(CheckpointerTest, AFailedAttemptIsRepeatedWithoutACommit) {
  Start({.max_pages = 1 << 30, .quiet = std::chrono::hours(1), .kept_bytes = 0});
  Insert();
  {
    sqlite::Connection reader = std::move(*sqlite::Connection::Open(path_));
    ASSERT_TRUE(reader.Execute("BEGIN; SELECT count(*) FROM t"));
    ASSERT_FALSE(checkpointer_->EmptyNow()) << "a foreign reader needs the log";
    EXPECT_FALSE(checkpointer_->State());
  }
  for (int i = 0; i < 3000 && !checkpointer_->State(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(checkpointer_->State());
}

TEST_F(CheckpointerTest, EmptyingTheLogKeepsEveryRow) {
  Start({.max_pages = 10, .quiet = std::chrono::milliseconds(1), .kept_bytes = 0});
  for (int i = 0; i < 500; ++i) Insert();
  checkpointer_.reset();
  EXPECT_EQ(*writer_.QueryInteger("SELECT count(*) FROM t"), 500);
  EXPECT_EQ(*writer_.QueryText("PRAGMA integrity_check"), "ok");
}

}  // namespace
}  // namespace davit::cri
