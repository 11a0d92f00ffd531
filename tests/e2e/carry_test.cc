// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pushes, saves and loads: davit.v1's Push, Export and Import, and the commands.

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/file_io.h"
#include "base/spawn.h"
#include "images/testing/tar_builder.h"
#include "images/testing/test_image.h"
#include "tests/e2e/own_api.h"

namespace davit::e2e {
namespace {

using client::MustRun;
using client::SourcePath;
using images::GzipLayer;
using images::TarBuilder;
using images::TestImage;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Lt;
using ::testing::Not;
using ::testing::SizeIs;

// Bytes that no archive makes smaller.
std::string Noise(size_t size) {
  std::mt19937 random(1);
  std::string noise(size, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  return noise;
}

// Of an image with one layer, as `docker save` writes it.
std::string DockerArchive(const std::string& tag, size_t layer_bytes) {
  TestImage image = TestImage::Make({GzipLayer(TarBuilder().File("noise", Noise(layer_bytes)).Finish())});
  return TarBuilder()
      .File("layer.tar", image.layers[0].tar)
      .File("config.json", image.config)
      .File("manifest.json",
            R"([{"Config":"config.json","RepoTags":[")" + tag + R"("],"Layers":["layer.tar"]}])")
      .Finish();
}

class Carry : public OwnApi {
 protected:
  ~Carry() override {
    if (!registry_.empty()) client::Run({SourcePath("tests/images/registry"), "stop", registry_});
  }

  // A registry that has no images yet.
  std::string StartRegistry() {
    registry_ = instance().directory() + "/second-registry";
    MustRun({SourcePath("tests/images/registry"), "start", registry_});
    std::string address;
    std::ifstream(registry_ + "/address") >> address;
    return address;
  }
  client::CommandOutcome TryDavit(const std::string& words) {
    return client::Run({"/bin/sh", "-c",
                        DAVIT_BUILD_BIN_DIR "/davit --address unix://" + instance().socket() + " " + words});
  }
  std::string File(const std::string& name) { return instance().directory() + "/" + name; }

  // Sends the archive as one message, with an end or without.
  grpc::Status Import(const std::string& archive, bool end, api::ImportImagesResponse* last = nullptr) {
    return own().Converse([&](OwnImageStub& stub, grpc::ClientContext& context) {
      auto stream = stub.Import(&context);
      for (size_t at = 0; at < archive.size(); at += 1 << 20) {
        api::ImportImagesRequest message;
        message.set_data(archive.substr(at, 1 << 20));
        if (!stream->Write(message)) break;
      }
      api::ImportImagesRequest message;
      message.set_end(true);
      if (end) stream->Write(message);
      stream->WritesDone();
      for (api::ImportImagesResponse answer; stream->Read(&answer);)
        if (last) *last = answer;
      return stream->Finish();
    });
  }
  // What loads and pulls in progress have on disk.
  std::vector<std::string> Staged() {
    std::vector<std::string> names;
    for (const char* place : {"root/snapshots/staging", "root/blobs/partial"})
      for (const auto& entry : std::filesystem::directory_iterator(instance().directory() + "/" + place))
        names.push_back(entry.path());
    return names;
  }

 private:
  std::string registry_;
};

TEST_F(Carry, ASavedImageIsLoadedAndRun) {
  Pull(kBusybox);
  Davit({"tag", kBusybox, "carried.test/busybox:v1"});
  std::string file = File("busybox.tar");
  EXPECT_EQ(Davit({"save", "-o", file, "carried.test/busybox:v1"}), "");
  Davit({"untag", "carried.test/busybox:v1"});
  std::string loaded = Davit({"load", "-i", file});
  EXPECT_THAT(loaded, EndsWith("Loaded image: carried.test/busybox:v1\n"));
  EXPECT_THAT(List("carried.test/busybox:v1"), SizeIs(1));
  EXPECT_EQ(RunToEnd(ContainerConfig({"sh", "-c", "exit 7"}, "main", "carried.test/busybox:v1")).exit_code(),
            7);
  EXPECT_GT(Must(own().Ask(&OwnImageStub::Usage, api::UsageRequest())).blobs().total_bytes(), 0u)
      << "a loaded image keeps its blobs";
  // From a pipe to a pipe, and compressed.
  auto piped =
      TryDavit("save carried.test/busybox:v1 | gzip -1 | " DAVIT_BUILD_BIN_DIR "/davit --address unix://" +
               instance().socket() + " load --quiet");
  EXPECT_EQ(piped.exit_code, 0);
  EXPECT_EQ(piped.output, "Loaded image: carried.test/busybox:v1\n");
  Davit({"untag", "carried.test/busybox:v1"});
}

TEST_F(Carry, ASaveThatFailsLeavesNoFile) {
  std::string file = File("none.tar");
  auto failed = TryDavit("save -o " + file + " no.test/such:1");
  EXPECT_EQ(failed.exit_code, 125);
  EXPECT_THAT(failed.output, HasSubstr("no.test/such:1"));
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(Carry, APushedImageIsTheSameAtTheRegistry) {
  Pull(kFiveLayers);
  std::string name = StartRegistry() + "/team/copy:v2";
  Davit({"tag", kFiveLayers, name});
  std::string pushed = Davit({"push", name});
  EXPECT_THAT(pushed,
              AllOf(HasSubstr(": Pushed\n"), HasSubstr("v2: digest: sha256:"), EndsWith(name + "\n")));
  EXPECT_THAT(Davit({"push", name}), AllOf(HasSubstr(": Layer already exists\n"), Not(HasSubstr("Pushed"))));
  api::Image image = List(name).at(0);
  std::string original, copy;
  for (const std::string& digest : image.digests()) {
    if (digest.starts_with("registry.test/")) original = digest.substr(digest.find('@'));
    if (digest.starts_with(name.substr(0, name.find('/')))) copy = digest.substr(digest.find('@'));
  }
  EXPECT_EQ(copy, original) << "a digest of the target, and the same one";
  EXPECT_THAT(MustRun({"/usr/bin/skopeo", "inspect", "--tls-verify=false", "docker://" + name}),
              HasSubstr(original.substr(1)));
  Remove(name);
  EXPECT_FALSE(Pull(name).back().image().unchanged());
}

TEST_F(Carry, AFailedPushSaysWhereAndWhy) {
  Pull(kFiveLayers);
  Davit({"tag", kFiveLayers, "127.0.0.1:1/app:v1"});
  auto nowhere = TryDavit("push 127.0.0.1:1/app:v1");
  EXPECT_EQ(nowhere.exit_code, 125);
  EXPECT_THAT(nowhere.output, AllOf(HasSubstr("push 127.0.0.1:1/app:v1"), HasSubstr("sha256:")));
  Davit({"untag", "127.0.0.1:1/app:v1"});
  EXPECT_THAT(TryDavit("push no.test/such:1").output, HasSubstr("no.test/such:1"));
}

TEST_F(Carry, OneBadImageOrNameDoesNotStopTheOthers) {
  api::ImportImagesResponse last;
  EXPECT_TRUE(Import(DockerArchive("UPPER case", 1000), /*end=*/true, &last).ok());
  ASSERT_THAT(last.results(), SizeIs(1));
  EXPECT_EQ(last.results(0).error(), "");
  EXPECT_THAT(last.results(0).warnings(0), HasSubstr("UPPER case"));
  Remove(last.results(0).id());
}

// A client that was killed looks as if it had sent everything.
TEST_F(Carry, AClientThatLeavesHasLoadedNothing) {
  std::string archive = DockerArchive("left.test/app:v1", 3'000'000);
  EXPECT_EQ(Import(archive, /*end=*/false).error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_THAT(List("left.test/app:v1"), IsEmpty());
  EXPECT_THAT(Staged(), IsEmpty());

  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  UniqueFd input(fds[0]);
  UniqueFd open_end(fds[1]);
  SpawnRequest load;
  load.program = DAVIT_BUILD_BIN_DIR "/davit";
  load.args = {"davit", "--address", "unix://" + instance().socket(), "load"};
  load.fds = {{input.get(), 0}};
  auto child = Spawn(load);
  ASSERT_TRUE(child) << child.error().ToString();
  ASSERT_TRUE(WriteAll(open_end.get(), archive.substr(0, archive.size() / 2), "pipe"));
  WaitUntil("the load has begun", [this] { return !Staged().empty(); });
  ASSERT_EQ(kill(child->pid, SIGKILL), 0);
  ASSERT_TRUE(Reap(*child));
  WaitUntil("what it has sent is removed", [this] { return Staged().empty(); });
  EXPECT_THAT(List("left.test/app:v1"), IsEmpty());
}

TEST_F(Carry, ClientsThatDoNotReadHoldNobodyUp) {
  constexpr int kLimit = 32;
  ASSERT_TRUE(Import(DockerArchive("slow.test/app:v1", 8'000'000), /*end=*/true).ok());
  auto memory = [this] {
    std::string status = ReadFile("/proc/" + std::to_string(instance().pid()) + "/status").value_or("");
    return std::stol(status.substr(status.find("RssAnon:") + 8));  // kB
  };
  long before = memory();
  api::ExportImagesRequest request;
  request.add_images("slow.test/app:v1");
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<api::ExportImagesResponse>>> readers;
  for (int i = 0; i < kLimit; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    readers.push_back(own().stub().Export(contexts.back().get(), request));
    api::ExportImagesResponse first;
    ASSERT_TRUE(readers.back()->Read(&first));
  }
  EXPECT_THAT(own().AskAll(&OwnImageStub::Export, request),
              FailsWith(grpc::StatusCode::RESOURCE_EXHAUSTED, "saves"));
  Pull(kFiveLayers);
  EXPECT_THAT(memory() - before, Lt(kLimit * 4096)) << "kB; much less than the archives";
  for (auto& context : contexts) context->TryCancel();
  WaitUntil("their places are free",
            [&] { return own().AskAll(&OwnImageStub::Export, request).status.ok(); });
  Remove("slow.test/app:v1");
}

TEST_F(Carry, EveryFieldHasALimit) {
  api::PushImageRequest push;
  push.set_image("registry.test/a");
  push.set_target(std::string(1025, 'a'));
  EXPECT_THAT(own().AskAll(&OwnImageStub::Push, push),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "target"));
  push.clear_target();
  push.add_source_credentials();
  EXPECT_THAT(own().AskAll(&OwnImageStub::Push, push),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "source_credentials.server_address"));
  for (int i = 0; i < 64; ++i) push.add_source_credentials();
  EXPECT_THAT(own().AskAll(&OwnImageStub::Push, push),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "source_credentials"));
  api::ExportImagesRequest save;
  EXPECT_THAT(own().AskAll(&OwnImageStub::Export, save),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "images"));
  for (int i = 0; i < 1001; ++i) save.add_images("a");
  EXPECT_THAT(own().AskAll(&OwnImageStub::Export, save),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "images"));
}

TEST_F(Carry, IsForTheEntitledOnly) {
  ASSERT_EQ(chmod(instance().socket().c_str(), 0666), 0);
  ASSERT_EQ(chmod(instance().directory().c_str(), 0711), 0);
  {
    OwnClient stranger(ConnectAs(12'345, 12'345));
    api::PushImageRequest push;
    push.set_image(kFiveLayers);
    EXPECT_THAT(stranger.AskAll(&OwnImageStub::Push, push),
                FailsWith(grpc::StatusCode::PERMISSION_DENIED, ""));
    api::ExportImagesRequest save;
    save.add_images(kFiveLayers);
    EXPECT_THAT(stranger.AskAll(&OwnImageStub::Export, save),
                FailsWith(grpc::StatusCode::PERMISSION_DENIED, ""));
    auto loaded = stranger.Converse(
        [](OwnImageStub& stub, grpc::ClientContext& context) { return stub.Import(&context)->Finish(); });
    EXPECT_EQ(loaded.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  }
  ASSERT_EQ(chmod(instance().directory().c_str(), 0700), 0);
  ASSERT_EQ(chmod(instance().socket().c_str(), 0660), 0);
}

}  // namespace
}  // namespace davit::e2e
