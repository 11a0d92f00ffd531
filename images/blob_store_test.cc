// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/blob_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include "base/file_io.h"
#include "base/time.h"
#include "images/testing/scratch_dir.h"

namespace davit::images {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Descriptor Describing(const std::string& text) {
  return {"", *Sha256Of(text), static_cast<int64_t>(text.size()), std::nullopt, {}};
}

class BlobStoreTest : public ::testing::Test {
 protected:
  BlobStoreTest() { Reopen(); }
  // As a restarted daemon does.
  void Reopen() {
    blobs_.reset();
    auto blobs = BlobStore::Create(scratch_ / "blobs");
    EXPECT_TRUE(blobs) << blobs.error().ToString();
    blobs_ = std::move(*blobs);
  }
  Result<> Add(const std::string& text) {
    auto writer = TRY(blobs_->Begin(Describing(text)));
    TRY(writer->Write(text));
    return writer->Commit();
  }
  std::string Content(const std::string& digest) {
    auto blob = blobs_->Open(digest);
    return blob ? *ReadFd(blob->fd.get(), "blob") : blob.error().ToString();
  }
  std::string PartialFile(const std::string& digest) {
    return scratch_ / "blobs/partial/sha256-" + digest.substr(7);
  }

  ScratchDir scratch_;
  std::unique_ptr<BlobStore> blobs_;
  const std::string text_ = "0123456789abcdef";
  const Descriptor descriptor_ = Describing(text_);
};

TEST_F(BlobStoreTest, ABlobAppearsWhenItIsCommitted) {
  auto writer = *blobs_->Begin(descriptor_);
  ASSERT_TRUE(writer->Write(text_.substr(0, 5)));
  ASSERT_TRUE(writer->Write(text_.substr(5)));
  EXPECT_FALSE(blobs_->Has(descriptor_.digest));
  EXPECT_EQ(blobs_->Open(descriptor_.digest).error().code, Code::kNotFound);
  ASSERT_TRUE(writer->Commit());
  EXPECT_TRUE(blobs_->Has(descriptor_.digest));
  EXPECT_EQ(blobs_->Open(descriptor_.digest)->size, descriptor_.size);
  EXPECT_EQ(Content(descriptor_.digest), text_);
  EXPECT_EQ(blobs_->Begin(descriptor_).error().code, Code::kAlreadyExists);
  Reopen();
  EXPECT_EQ(Content(descriptor_.digest), text_);
}

TEST_F(BlobStoreTest, AFileIsLinked) {
  std::string path = scratch_ / "file";
  std::ofstream(path) << text_;
  std::filesystem::permissions(path, std::filesystem::perms(04777));
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  auto linked = blobs_->Link(descriptor_, file.get());
  ASSERT_TRUE(linked) << linked.error().ToString();
  EXPECT_TRUE(*linked);
  EXPECT_EQ(std::filesystem::hard_link_count(path), 2u);
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
  std::filesystem::remove(path);
  Reopen();
  EXPECT_EQ(Content(descriptor_.digest), text_);
  EXPECT_THAT(*blobs_->List(), SizeIs(1));
  EXPECT_EQ(blobs_->Link(descriptor_, file.get()).error().code, Code::kAlreadyExists);
}

TEST_F(BlobStoreTest, AFileOfAnotherFilesystemIsNotLinked) {
  UniqueFd file(memfd_create("blob", MFD_CLOEXEC));
  ASSERT_TRUE(WriteAll(file.get(), text_, "memfd"));
  auto linked = blobs_->Link(descriptor_, file.get());
  ASSERT_TRUE(linked) << linked.error().ToString();
  EXPECT_FALSE(*linked);
  EXPECT_THAT(*blobs_->List(), IsEmpty());
  EXPECT_TRUE(Add(text_)) << "no writer has it any more";
}

TEST_F(BlobStoreTest, AFileIsNotLinkedWhileABlobIsWritten) {
  auto writer = *blobs_->Begin(descriptor_);
  UniqueFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(blobs_->Link(descriptor_, file.get()).error().code, Code::kFailedPrecondition);
  ASSERT_TRUE(writer->Write(text_));
  EXPECT_TRUE(writer->Commit());
}

TEST_F(BlobStoreTest, TakesBothAlgorithmsAndEmptyBlobs) {
  Hasher hasher = *Hasher::For("sha512:");
  hasher.Update(text_);
  Descriptor sha512{"", hasher.Finish(), descriptor_.size, std::nullopt, {}};
  auto writer = *blobs_->Begin(sha512);
  ASSERT_TRUE(writer->Write(text_));
  ASSERT_TRUE(writer->Commit());
  EXPECT_EQ(Content(sha512.digest), text_);
  ASSERT_TRUE(Add(""));
  EXPECT_EQ(Content(Describing("").digest), "");
  EXPECT_THAT(*blobs_->List(), SizeIs(2));
}

TEST_F(BlobStoreTest, OnlyOneWriterHasABlob) {
  auto writer = *blobs_->Begin(descriptor_);
  EXPECT_EQ(blobs_->Begin(descriptor_).error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(blobs_->Begin(Describing("other")));
  ASSERT_TRUE(writer->Write("0123"));
  ASSERT_TRUE(blobs_->RemovePartial(descriptor_.digest));
  EXPECT_TRUE(std::filesystem::exists(PartialFile(descriptor_.digest))) << "it is its writer's";
  writer.reset();
  EXPECT_EQ((*blobs_->Begin(descriptor_))->position(), 4);
}

TEST_F(BlobStoreTest, APartialBlobIsContinuedAfterARestart) {
  {
    auto writer = *blobs_->Begin(descriptor_);
    ASSERT_TRUE(writer->Write(text_.substr(0, 7)));
  }
  Reopen();
  auto infos = *blobs_->List();
  ASSERT_THAT(infos, SizeIs(1));
  EXPECT_EQ(infos[0].digest, descriptor_.digest);
  EXPECT_FALSE(infos[0].complete);
  EXPECT_EQ(infos[0].size, 7);
  EXPECT_LT(UnixNanoseconds() - infos[0].changed_ns, int64_t{60'000'000'000});
  auto writer = *blobs_->Begin(descriptor_);
  EXPECT_EQ(writer->position(), 7);
  EXPECT_EQ(*writer->Read(3, 100), "3456");
  ASSERT_TRUE(writer->Write(text_.substr(7)));
  ASSERT_TRUE(writer->Commit());
  EXPECT_EQ(Content(descriptor_.digest), text_);
  EXPECT_THAT(*blobs_->List(), SizeIs(1));
}

TEST_F(BlobStoreTest, WrongContentIsDroppedAndNeverSeen) {
  for (const std::string& wrong : {std::string("0123456789abcdeF"), text_ + "x", text_.substr(1)}) {
    auto writer = *blobs_->Begin(descriptor_);
    bool written = writer->Write(wrong).has_value();
    EXPECT_EQ(written, wrong.size() <= text_.size());
    auto committed = writer->Commit();
    ASSERT_FALSE(committed);
    EXPECT_THAT(committed.error().ToString(), HasSubstr(descriptor_.digest));
    EXPECT_FALSE(blobs_->Has(descriptor_.digest));
    writer->Abandon(BlobWriter::Partial::kDrop);
  }
  EXPECT_THAT(*blobs_->List(), IsEmpty());
  ASSERT_TRUE(Add(text_)) << "it can be written again";
}

TEST_F(BlobStoreTest, APartialBlobThatWasDamagedIsFoundOut) {
  {
    auto writer = *blobs_->Begin(descriptor_);
    ASSERT_TRUE(writer->Write(text_.substr(0, 7)));
  }
  std::ofstream(PartialFile(descriptor_.digest)) << "012x456";
  auto writer = *blobs_->Begin(descriptor_);
  ASSERT_TRUE(writer->Write(text_.substr(7)));
  EXPECT_EQ(writer->Commit().error().code, Code::kDataLoss);
  EXPECT_FALSE(std::filesystem::exists(PartialFile(descriptor_.digest)));

  std::ofstream(PartialFile(descriptor_.digest)) << text_ << "and more than there is";
  auto second = *blobs_->Begin(descriptor_);
  EXPECT_EQ(second->position(), 0);
}

TEST_F(BlobStoreTest, RestartDropsWhatThereIs) {
  auto writer = *blobs_->Begin(descriptor_);
  ASSERT_TRUE(writer->Write("wrong"));
  ASSERT_TRUE(writer->Restart());
  EXPECT_EQ(writer->position(), 0);
  ASSERT_TRUE(writer->Write(text_));
  EXPECT_TRUE(writer->Commit());
  EXPECT_EQ(Content(descriptor_.digest), text_);
}

TEST_F(BlobStoreTest, WhatTheCallerVerifiesIsOnlyCountedHere) {
  auto writer = *blobs_->Begin(descriptor_, BlobStore::Verify::kByCaller);
  ASSERT_TRUE(writer->Write("0123"));
  EXPECT_EQ(writer->Commit().error().code, Code::kDataLoss);
  ASSERT_TRUE(writer->Write(text_.substr(4)));
  EXPECT_TRUE(writer->Commit());
}

TEST_F(BlobStoreTest, OnlyDigestsBecomeNames) {
  const std::string hex(64, 'a');
  for (const std::string& name :
       {std::string(), std::string("sha256:"), "sha256:../../" + hex.substr(6), "md5:" + hex.substr(32),
        "sha256:" + std::string(64, 'A'), "sha256:" + hex + "/x"}) {
    EXPECT_EQ(blobs_->Begin({"", name, 1, std::nullopt, {}}).error().code, Code::kInvalidArgument) << name;
    EXPECT_EQ(blobs_->Open(name).error().code, Code::kInvalidArgument) << name;
    EXPECT_EQ(blobs_->Remove(name).error().code, Code::kInvalidArgument) << name;
    EXPECT_EQ(blobs_->RemovePartial(name).error().code, Code::kInvalidArgument) << name;
    EXPECT_FALSE(blobs_->Has(name)) << name;
  }
  EXPECT_EQ(blobs_->Begin({"", descriptor_.digest, -1, std::nullopt, {}}).error().code,
            Code::kInvalidArgument);
}

TEST_F(BlobStoreTest, FilesThatAreNoBlobsAreNotListed) {
  std::ofstream(scratch_ / "blobs/sha256/readme") << "x";
  std::ofstream(scratch_ / "blobs/partial/sha256-1") << "x";
  std::filesystem::create_directory(scratch_ / ("blobs/sha256/" + std::string(64, 'a')));
  EXPECT_THAT(*blobs_->List(), IsEmpty());
}

TEST_F(BlobStoreTest, ItsDirectoriesAreForRootAlone) {
  for (const char* name : {"blobs", "blobs/sha256", "blobs/sha512", "blobs/partial"}) {
    struct stat status;
    ASSERT_EQ(stat((scratch_ / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 07777, 0700u) << name;
  }
}

TEST_F(BlobStoreTest, CountsTheBytesOnDisk) {
  EXPECT_EQ(*blobs_->BytesUsed(), 0);
  ASSERT_TRUE(Add(std::string(100'000, 'x')));
  auto writer = *blobs_->Begin(Describing(std::string(50'000, 'y')));
  ASSERT_TRUE(writer->Write(std::string(40'000, 'y')));
  EXPECT_GE(*blobs_->BytesUsed(), 140'000);
}

// A limit on the size of files stands for the full disk: the write is cut short, and the next one fails.
TEST_F(BlobStoreTest, AWriteThatFailsIsNamedAndNothingIsListed) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  auto handler = signal(SIGXFSZ, SIG_IGN);
  std::string big(100'000, 'x');
  auto writer = *blobs_->Begin(Describing(big));
  rlimit small{65'536, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  auto written = writer->Write(big);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().ToString(), HasSubstr(scratch_ / "blobs"));
  EXPECT_EQ(written.error().os_errno, EFBIG);
  EXPECT_EQ(writer->position(), 65'536);
  EXPECT_FALSE(writer->Commit());
  EXPECT_FALSE(blobs_->Has(Describing(big).digest));
}

TEST_F(BlobStoreTest, CollectsWhatNobodyNamesOrHolds) {
  for (const char* text : {"named", "held", "neither"}) ASSERT_TRUE(Add(text));
  auto writer = *blobs_->Begin(descriptor_);
  ASSERT_TRUE(writer->Write("0123"));
  const std::set<std::string> named = {Describing("named").digest};
  auto collect = [&] { return blobs_->Collect([&]() -> Result<std::set<std::string>> { return named; }); };
  {
    BlobHold hold = blobs_->Hold({Describing("held").digest, Describing("not there yet").digest});
    BlobHold again = blobs_->Hold({Describing("held").digest});
    again.Release();
    ASSERT_TRUE(Add("not there yet"));
    ASSERT_TRUE(collect());
    EXPECT_EQ(Content(Describing("named").digest), "named");
    EXPECT_EQ(Content(Describing("held").digest), "held");
    EXPECT_EQ(Content(Describing("not there yet").digest), "not there yet");
    EXPECT_FALSE(blobs_->Has(Describing("neither").digest));
  }
  auto failed = blobs_->Collect(
      []() -> Result<std::set<std::string>> { return Fail(Code::kInternal, "read", "records"); });
  EXPECT_FALSE(failed);
  EXPECT_TRUE(blobs_->Has(Describing("held").digest)) << "who cannot tell what is needed removes nothing";
  ASSERT_TRUE(collect());
  EXPECT_THAT(*blobs_->List(), SizeIs(2));
  EXPECT_TRUE(blobs_->Has(Describing("named").digest));
  ASSERT_TRUE(writer->Write(text_.substr(4)));
  EXPECT_TRUE(writer->Commit());
}

// A pull finds the blob, writes its record and ends while the records are being read.
TEST_F(BlobStoreTest, AHoldDuringACollectionNeitherWaitsNorLosesItsBlob) {
  for (const char* text : {"found", "held before", "neither"}) ASSERT_TRUE(Add(text));
  std::optional<BlobHold> before = blobs_->Hold({Describing("held before").digest});
  auto collected = blobs_->Collect([&]() -> Result<std::set<std::string>> {
    BlobHold hold = blobs_->Hold({Describing("found").digest, Describing("new").digest});
    before.reset();
    EXPECT_TRUE(Add("new"));
    return std::set<std::string>();
  });
  ASSERT_TRUE(collected);
  for (const char* text : {"found", "held before", "new"})
    EXPECT_TRUE(blobs_->Has(Describing(text).digest)) << text;
  EXPECT_FALSE(blobs_->Has(Describing("neither").digest));
  ASSERT_TRUE(blobs_->Collect([] { return Result<std::set<std::string>>(std::set<std::string>()); }));
  EXPECT_THAT(*blobs_->List(), IsEmpty());
}

TEST_F(BlobStoreTest, ABlobThatIsOpenCanBeReadToItsEnd) {
  ASSERT_TRUE(Add(text_));
  auto blob = blobs_->Open(descriptor_.digest);
  ASSERT_TRUE(blobs_->Remove(descriptor_.digest));
  ASSERT_TRUE(blobs_->Remove(descriptor_.digest)) << "idempotent";
  EXPECT_FALSE(blobs_->Has(descriptor_.digest));
  EXPECT_EQ(*ReadFd(blob->fd.get(), "blob"), text_);
}

}  // namespace
}  // namespace davit::images
