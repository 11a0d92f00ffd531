// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/image_save.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "images/archive/tar_writer.h"
#include "images/digest.h"
#include "images/testing/fake_registry.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/tar_builder.h"
#include "images/testing/test_image.h"

namespace davit::images {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Recorder : public ByteSink {
  Result<> Write(std::string_view piece) override {
    if (text.size() >= full_at) return Fail(Code::kResourceExhausted, "write", "disk", "full");
    text += piece;
    return {};
  }
  std::string text;
  size_t full_at = SIZE_MAX;
};

// The members of a plain archive: name and content.
std::vector<std::pair<std::string, std::string>> Members(const std::string& tar) {
  std::vector<std::pair<std::string, std::string>> members;
  for (size_t at = 0; at + 512 <= tar.size() && tar[at] != '\0';) {
    std::string name = tar.c_str() + at;
    size_t size = std::stoul(tar.substr(at + 124, 11), nullptr, 8);
    members.emplace_back(name, tar.substr(at + 512, size));
    at += 512 + (size + 511) / 512 * 512;
  }
  return members;
}

class Save : public ::testing::Test {
 protected:
  Save() {
    transfer_.certs_d = scratch_ / "certs.d";
    transfer_.retry.attempts = 2;
    transfer_.retry.first_pause_ms = 2;
    for (const auto& [digest, blob] : image_.blobs) source_.blobs["app@" + digest] = blob;
  }
  ImageToSave Image(std::vector<std::string> names) const {
    ImageToSave image;
    image.image.id = image_.config_digest;
    image.image.config_json = image_.config;
    image.image.manifest_json = image_.manifest;
    image.image.repo_digests = {source_.host() + "/app@" + image_.manifest_digest};
    image.names = std::move(names);
    return image;
  }
  Result<> SaveTo(ByteSink& sink, const std::vector<ImageToSave>& images) {
    return ImageSaver(transfer_, nullptr).Save(images, {}, sink, interrupt_);
  }

  ScratchDir scratch_;
  TestLayer layer_ = GzipLayer(TarBuilder().File("b", "2").Finish());
  TestImage image_ = TestImage::Make({GzipLayer(TarBuilder().File("a", "1").Finish()), layer_, layer_});
  FakeRegistry source_;
  std::atomic<bool> wanted_ = true;
  Interrupt interrupt_{[this] { return wanted_.load(); }};
  RegistryClient::Options transfer_;
};

TEST_F(Save, WritesALayoutThatIsADockerArchiveToo) {
  Recorder archive;
  auto saved = SaveTo(archive, {Image({"docker.io/library/app:v1", "registry.example/app:v2"})});
  ASSERT_TRUE(saved) << saved.error().ToString();
  EXPECT_EQ(archive.text.size() % 512, 0u);
  auto members = Members(archive.text);
  std::map<std::string, std::string> files(members.begin(), members.end());
  EXPECT_EQ(members.size(), files.size()) << "each blob once";
  EXPECT_EQ(files["oci-layout"], R"({"imageLayoutVersion":"1.0.0"})");
  for (const auto& [digest, blob] : image_.blobs) EXPECT_EQ(files["blobs/sha256/" + digest.substr(7)], blob);
  EXPECT_THAT(files["index.json"], HasSubstr(R"("io.containerd.image.name":"docker.io/library/app:v1")"));
  EXPECT_THAT(files["index.json"], HasSubstr(R"("org.opencontainers.image.ref.name":"v2")"));
  EXPECT_THAT(files["manifest.json"], HasSubstr(R"("RepoTags":["app:v1","registry.example/app:v2"])"));
  EXPECT_EQ(members[0].first, "oci-layout") << "documents come first";
}

TEST_F(Save, EqualImagesGiveEqualBytes) {
  Recorder one;
  Recorder two;
  ASSERT_TRUE(SaveTo(one, {Image({"docker.io/library/app:v1"})}));
  ASSERT_TRUE(SaveTo(two, {Image({"docker.io/library/app:v1"})}));
  EXPECT_EQ(one.text, two.text);
}

TEST_F(Save, ABlobThatCannotBeHadLeavesNoCompleteArchive) {
  source_.blobs.erase("app@" + *Sha256Of(layer_.blob));
  Recorder archive;
  auto saved = SaveTo(archive, {Image({})});
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, Code::kNotFound);
  EXPECT_THAT(saved.error().ToString(), HasSubstr(*Sha256Of(layer_.blob)));
  EXPECT_FALSE(archive.text.ends_with(std::string(1024, '\0')));
}

// An archive that was loaded chooses the names, and so the repo digests, of its images.
TEST_F(Save, CredentialsGoToTheRegistryThatTheyAreForOnly) {
  auto wants_login = [](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (!request.Header("authorization").empty()) return std::nullopt;
    return FakeResponse{401, {"WWW-Authenticate: Basic realm=x"}, ""};
  };
  FakeRegistry other(wants_login);
  FakeRegistry own(wants_login);
  for (const auto& [digest, blob] : image_.blobs) own.blobs["app@" + digest] = blob;
  ImageToSave image = Image({});
  image.image.repo_digests = {other.host() + "/app@" + image_.manifest_digest,
                              own.host() + "/app@" + image_.manifest_digest};
  auto save = [&](const std::string& server_address) {
    RegistryAuth auth;
    auth.username = "user";
    auth.password = "s3cr3t-p4ssw0rd";
    auth.server_address = server_address;
    Recorder archive;
    return ImageSaver(transfer_, nullptr).Save({image}, {auth}, archive, interrupt_);
  };
  auto saved = save(own.host());
  EXPECT_TRUE(saved) << saved.error().ToString();
  EXPECT_FALSE(save("")) << "which of the registries they are for is not known";
  for (const FakeRequest& request : other.requests()) EXPECT_EQ(request.Header("authorization"), "");
  image.image.repo_digests = {own.host() + "/app@" + image_.manifest_digest,
                              own.host() + "/copy@" + image_.manifest_digest};
  saved = save("");
  EXPECT_TRUE(saved) << saved.error().ToString();
}

// What was written cannot be taken back: another source that has the right content does not help.
TEST_F(Save, WrongContentIsNotFollowedByRightContent) {
  FakeRegistry right;
  for (const auto& [digest, blob] : image_.blobs) right.blobs["app@" + digest] = blob;
  source_.blobs["app@" + *Sha256Of(layer_.blob)].back() ^= 1;
  ImageToSave image = Image({});
  image.image.repo_digests.push_back(right.host() + "/app@" + image_.manifest_digest);
  Recorder archive;
  auto saved = SaveTo(archive, {image});
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, Code::kDataLoss) << saved.error().ToString();
  source_.blobs.erase("app@" + *Sha256Of(layer_.blob));
  Recorder whole;
  auto elsewhere = SaveTo(whole, {image});
  EXPECT_TRUE(elsewhere) << elsewhere.error().ToString();
}

TEST_F(Save, ARegistryThatHasABlobNoMoreIsFollowedByTheNext) {
  FakeRegistry empty;
  ImageToSave image = Image({});
  image.image.repo_digests.insert(image.image.repo_digests.begin(),
                                  empty.host() + "/app@" + image_.manifest_digest);
  Recorder archive;
  auto saved = SaveTo(archive, {image});
  ASSERT_TRUE(saved) << saved.error().ToString();
  Recorder other;
  ASSERT_TRUE(SaveTo(other, {Image({})}));
  EXPECT_EQ(archive.text, other.text);
}

TEST_F(Save, AFullDiskEndsIt) {
  Recorder archive;
  archive.full_at = 2000;
  auto saved = SaveTo(archive, {Image({})});
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, Code::kResourceExhausted);
}

TEST_F(Save, AReaderThatStopsReadingOrIsGoneEndsIt) {
  signal(SIGPIPE, SIG_IGN);
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  UniqueFd read_end(fds[0]);
  UniqueFd write_end(fds[1]);
  std::string much(1 << 20, 'x');
  DescriptorSink sink(write_end.get(), interrupt_);
  std::thread canceller([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    wanted_ = false;
  });
  auto cancelled = sink.Write(much);
  canceller.join();
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, Code::kCancelled);
  wanted_ = true;
  read_end.Reset();
  auto broken = sink.Write(much);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().os_errno, EPIPE);
}

TEST(TarWriterTest, LongNamesAndSizesAreInPaxRecords) {
  Recorder archive;
  TarWriter tar(archive);
  std::string name = "blobs/sha512/" + std::string(128, 'a');
  ASSERT_TRUE(tar.BeginFile(name, int64_t{9} << 30));
  EXPECT_THAT(archive.text, HasSubstr("151 path=" + name + "\n"));
  EXPECT_THAT(archive.text, HasSubstr("19 size=9663676416\n"));
  EXPECT_EQ(archive.text.size(), 3u * 512);
  EXPECT_FALSE(tar.Finish()) << "the file is missing";
  EXPECT_FALSE(tar.AddFile("next", "")) << "the file is missing";
}

TEST(TarWriterTest, AFileIsNotLongerThanItsHeaderSays) {
  Recorder archive;
  TarWriter tar(archive);
  ASSERT_TRUE(tar.BeginFile("f", 3));
  ASSERT_TRUE(tar.Write("ab"));
  EXPECT_FALSE(tar.Write("cd"));
  ASSERT_TRUE(tar.Write("c"));
  ASSERT_TRUE(tar.AddFile("empty", ""));
  ASSERT_TRUE(tar.Finish());
  EXPECT_EQ(archive.text.size(), 5u * 512);
}

}  // namespace
}  // namespace davit::images
