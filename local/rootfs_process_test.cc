// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/rootfs_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file_io.h"
#include "images/digest.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/tar_builder.h"
#include "shim/testing/fuse_log.h"

namespace davit::local {
namespace {

using images::ScratchDir;
using images::TarBuilder;
using ::testing::HasSubstr;
using ::testing::Not;

class RootfsProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: davit-rootfs makes namespaces";
    signal(SIGPIPE, SIG_IGN);  // as the daemon does
  }
  static RootfsRequest Request(RootfsVerb verb, const std::string& path = "/") {
    RootfsRequest request;
    request.verb = verb;
    request.tree = RootfsTree::kDirectory;
    request.path = path;
    request.archive_name = "x";
    return request;
  }
  Result<std::unique_ptr<RootfsProcess>> Start(const RootfsRequest& request) {
    UniqueFd tree(open(dir_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return RootfsProcess::Start({DAVIT_ROOTFS_PROGRAM, hung_, patience_}, request, tree, UniqueFd(),
                                interrupt_);
  }
  Result<RootfsReport> Run(const RootfsRequest& request) {
    auto process = TRY(Start(request));
    output_.clear();
    for (std::string_view piece = TRY(process->Read()); !piece.empty(); piece = TRY(process->Read()))
      output_ += piece;
    return process->Finish();
  }
  Result<RootfsReport> Extract(const std::string& archive, const std::string& path = "/") {
    auto process = TRY(Start(Request(RootfsVerb::kExtract, path)));
    Result<> written = process->Write(archive);
    if (!written && written.error().os_errno != EPIPE) return std::unexpected(written.error());
    return process->Finish();
  }
  void Write(const std::string& name, const std::string& data) { std::ofstream(dir_ / name) << data; }

  ScratchDir dir_;
  bool stop_ = false;
  images::Interrupt interrupt_{[this] { return !stop_; }};
  HungProcesses hung_;
  RootfsProcess::Patience patience_;
  std::string output_;
};

TEST_F(RootfsProcessTest, DescribesAndPacksAPath) {
  mkdir((dir_ / "etc").c_str(), 0755);
  Write("etc/name", "davit\n");
  ASSERT_EQ(symlink("/etc/name", (dir_ / "link").c_str()), 0);
  auto stat = Run(Request(RootfsVerb::kStat, "/link"));
  ASSERT_TRUE(stat) << stat.error().ToString();
  EXPECT_EQ(stat->link_target, "/etc/name");
  RootfsRequest follow = Request(RootfsVerb::kStat, "/link");
  follow.follow_link = true;
  EXPECT_EQ(Run(follow)->size, 6u) << "the link is resolved in the tree";
  auto packed = Run(Request(RootfsVerb::kPack, "etc"));
  ASSERT_TRUE(packed) << packed.error().ToString();
  EXPECT_EQ(packed->entries, 2u);
  EXPECT_THAT(output_, HasSubstr("x/name"));
  auto missing = Run(Request(RootfsVerb::kStat, "/none/file"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
}

TEST_F(RootfsProcessTest, NothingLeadsOutside) {
  ScratchDir outside;
  std::ofstream(outside / "secret") << "secret";
  ASSERT_EQ(symlink(outside.path().c_str(), (dir_ / "abs").c_str()), 0);
  std::string up = "../../../../../../../../" + outside.path();
  ASSERT_EQ(symlink(up.c_str(), (dir_ / "rel").c_str()), 0);
  for (std::string path : {"/abs/secret", "/rel/secret", "/../../../../proc/1/root", "/abs/"}) {
    RootfsRequest request = Request(RootfsVerb::kPack, path);
    request.follow_link = true;
    EXPECT_FALSE(Run(request)) << path;
    EXPECT_THAT(output_, Not(HasSubstr("secret")));
    EXPECT_FALSE(Extract(TarBuilder().File("f", "x").Finish(), path)) << path;
  }
  EXPECT_FALSE(Extract(TarBuilder().File("abs/secret", "bad").Finish()));
  EXPECT_EQ(*ReadFile(outside / "secret"), "secret");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(outside.path()), {}), 1);
}

TEST_F(RootfsProcessTest, ExtractsAndReportsWhyItStopped) {
  mkdir((dir_ / "sub").c_str(), 0755);
  std::string tar = TarBuilder().Dir("sub").File("sub/f", std::string(3 << 20, 'x')).Finish();
  for (const std::string& archive : {tar, images::Gzip(tar)}) {
    auto report = Extract(archive);
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_EQ(report->bytes, uint64_t{3 << 20});
  }
  auto clash = Extract(TarBuilder().File("sub", std::string(3 << 20, 'x')).Finish());
  ASSERT_FALSE(clash);
  EXPECT_THAT(clash.error().ToString(), HasSubstr("cannot overwrite directory"));
}

TEST_F(RootfsProcessTest, MountsAreShownAndKeepTheirWord) {
  ScratchDir volume;
  std::ofstream(volume / "f") << "of the volume";
  mkdir((dir_ / "mnt").c_str(), 0755);
  RootfsRequest unmade = Request(RootfsVerb::kStat, "/not/yet/made/f");
  unmade.mounts = {{volume.path(), "/not/yet/made", false}};
  EXPECT_TRUE(Run(unmade)) << "a start would make the mount point, too";
  RootfsRequest request = Request(RootfsVerb::kPack, "/mnt/f");
  request.mounts = {{volume.path(), "/mnt", false}};
  ASSERT_TRUE(Run(request));
  EXPECT_THAT(output_, HasSubstr("of the volume"));

  RootfsRequest extract = Request(RootfsVerb::kExtract, "/new/place");
  extract.mounts = {{volume.path(), "/new/place", false}};
  extract.read_only = true;
  auto process = Start(extract).value();
  ASSERT_TRUE(process->Write(TarBuilder().File("g", "x").Finish()));
  auto report = process->Finish();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(*ReadFile(volume / "g"), "x");
  extract.mounts[0].read_only = true;
  process = Start(extract).value();
  std::ignore = process->Write(TarBuilder().File("h", "x").Finish());
  EXPECT_EQ(process->Finish().error().os_errno, EROFS);
}

TEST_F(RootfsProcessTest, RecompressesALayer) {
  std::string tar = TarBuilder().File("f", std::string(100'000, 'x')).Finish();
  auto process = Start(Request(RootfsVerb::kRecompress)).value();
  std::string output;
  auto take = [&output](std::string_view piece) -> Result<> {
    output += piece;
    return {};
  };
  ASSERT_TRUE(process->Write(images::Zstd(tar), take));
  ASSERT_TRUE(process->EndInput(take));
  auto report = process->Finish();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_TRUE(output.starts_with("\x1f\x8b"));
  EXPECT_EQ(report->diff_id, *images::Sha256Of(tar));
}

TEST_F(RootfsProcessTest, EndsWhenItsClientLeaves) {
  std::ofstream(dir_ / "big") << std::string(20 << 20, 'x');
  auto process = Start(Request(RootfsVerb::kPack)).value();
  ASSERT_TRUE(process->Read());
  stop_ = true;
  EXPECT_EQ(process->Read().error().code, Code::kCancelled);
  process.reset();
  EXPECT_TRUE(hung_.Check());
}

// What hangs in the kernel can be neither read nor killed.
TEST_F(RootfsProcessTest, AFilesystemThatHangsHoldsNobody) {
  if (std::string why = shim::HangingFilesystem::WhyNot(); !why.empty()) GTEST_SKIP() << why;
  shim::HangingFilesystem filesystem;
  mkdir((dir_ / "mnt").c_str(), 0755);
  ASSERT_EQ(access((filesystem / "file").c_str(), F_OK), 0);
  patience_ = {.progress_ms = 1500, .end_ms = 100};
  RootfsRequest request = Request(RootfsVerb::kStat, "/mnt/other");
  request.mounts = {{std::filesystem::path(filesystem / "file").parent_path(), "/mnt", false}};
  filesystem.Hang();
  auto began = std::chrono::steady_clock::now();
  for (size_t i = 0; i < HungProcesses::kMost; ++i) {
    auto process = Start(request);
    ASSERT_TRUE(process) << process.error().ToString();
    if (i == 0) {
      filesystem.AwaitVictim();
      EXPECT_EQ((*process)->Finish().error().code, Code::kUnavailable);
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
  filesystem.Resume();
  for (int i = 0; !hung_.Check() && i < 600; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(hung_.Check());
  EXPECT_TRUE(Run(request));
}

}  // namespace
}  // namespace davit::local
