// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Davit's own API (api/davit/v1/davit.proto), and the commands of `davit` that use it.

#include "tests/e2e/own_api.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "api/davit/v1/containers.grpc.pb.h"
#include "tests/client/command.h"

namespace davit::e2e {
namespace {

using client::MustRun;
using client::SourcePath;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST_F(OwnApi, APullReportsEveryLayerAndTheImage) {
  Remove(kFiveLayers);
  auto messages = Pull(kFiveLayers);
  std::map<uint32_t, api::LayerProgress> layers;
  for (const auto& message : messages) {
    for (const auto& layer : message.layers()) layers[layer.index()] = layer;
  }
  ASSERT_THAT(layers, SizeIs(5));
  for (const auto& [index, layer] : layers) {
    EXPECT_THAT(layer.digest(), StartsWith("sha256:"));
    if (layer.state() == api::LayerProgress::EXISTS) continue;  // another test's image has it
    EXPECT_EQ(layer.state(), api::LayerProgress::DONE);
    EXPECT_EQ(layer.received(), layer.size());
  }
  EXPECT_EQ(layers.rbegin()->second.state(), api::LayerProgress::DONE)
      << "the top layer is this image's alone";
  const api::PulledImage& image = messages.back().image();
  EXPECT_EQ(image.reference(), kFiveLayers);
  EXPECT_FALSE(image.unchanged());
  EXPECT_EQ(List(image.id()).at(0).layers_size(), 5);
  EXPECT_TRUE(Pull(kFiveLayers).back().image().unchanged());
}

TEST_F(OwnApi, AnErrorOfAPullNamesHostAndObject) {
  api::PullImageRequest request;
  request.set_reference("registry.test/no/such:1");
  EXPECT_THAT(own().AskAll(&OwnImageStub::Pull, request),
              FailsWith(grpc::StatusCode::NOT_FOUND, "registry.test/no/such:1"));
}

TEST_F(OwnApi, TagsAreWhatTheKubeletSees) {
  Pull(kFiveLayers);
  api::TagImageRequest tag;
  tag.set_image(kFiveLayers);
  tag.set_tag("local.test/copy:1");
  std::string id = Must(own().Ask(&OwnImageStub::Tag, tag)).id();
  v1::ImageStatusRequest status;
  status.mutable_image()->set_image("local.test/copy:1");
  EXPECT_EQ(Must(cri().Ask(&ImageStub::ImageStatus, status)).image().id(), id);
  api::UntagImageRequest untag;
  untag.set_tag("local.test/copy:1");
  EXPECT_EQ(Must(own().Ask(&OwnImageStub::Untag, untag)).id(), id);
  EXPECT_FALSE(Must(cri().Ask(&ImageStub::ImageStatus, status)).has_image());
  EXPECT_THAT(own().Ask(&OwnImageStub::Untag, untag),
              FailsWith(grpc::StatusCode::NOT_FOUND, "local.test/copy:1"));
}

TEST_F(OwnApi, PruneSparesWhatIsUsedOrPinned) {
  Pull(kFiveLayers);
  RunIdle();
  api::UsageResponse usage = Must(own().Ask(&OwnImageStub::Usage, api::UsageRequest()));
  EXPECT_GT(usage.images().reclaimable_bytes(), 0u);
  EXPECT_LT(usage.images().reclaimable_bytes(), usage.images().total_bytes());
  EXPECT_EQ(usage.images().active(), 1u);
  EXPECT_EQ(usage.containers().active(), 1u);
  size_t before = List().size();
  api::PruneImagesResponse planned = Prune(/*dry_run=*/true);
  EXPECT_EQ(List().size(), before);
  EXPECT_EQ(planned.reclaimed_bytes(), usage.images().reclaimable_bytes());
  EXPECT_EQ(Prune(/*dry_run=*/false).removed_size(), planned.removed_size());
  EXPECT_THAT(List(kFiveLayers), IsEmpty());
  EXPECT_THAT(List(kBusybox), SizeIs(1));
}

TEST_F(OwnApi, PruneWithoutAllSparesWhatWasPulledByDigest) {
  Pull(kFiveLayers);
  std::string digest = List(kFiveLayers).at(0).digests(0);
  Remove(kFiveLayers);
  Pull(digest);
  api::PruneImagesRequest request;
  Must(own().Ask(&OwnImageStub::Prune, request));
  EXPECT_THAT(List(digest), SizeIs(1));
  Remove(digest);

  Pull(kFiveLayers);
  api::UntagImageRequest untag;
  untag.set_tag(kFiveLayers);
  Must(own().Ask(&OwnImageStub::Untag, untag));
  Must(own().Ask(&OwnImageStub::Prune, request));
  EXPECT_THAT(List(digest), IsEmpty()) << "left over";
}

TEST_F(OwnApi, InspectHasTheDocuments) {
  Pull(kFiveLayers);
  api::InspectImageRequest request;
  request.set_image(kFiveLayers);
  api::InspectImageResponse answer = Must(own().Ask(&OwnImageStub::Inspect, request));
  EXPECT_EQ(nlohmann::json::parse(answer.config())["rootfs"]["diff_ids"].size(), 5u);
  EXPECT_EQ(nlohmann::json::parse(answer.manifest())["layers"].size(), 5u);
  EXPECT_EQ(answer.image().layers_size(), 5);
}

TEST_F(OwnApi, AFieldThatIsTooLongIsNamed) {
  api::PullImageRequest pull;
  pull.set_reference(std::string(1025, 'a'));
  EXPECT_THAT(own().AskAll(&OwnImageStub::Pull, pull),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "reference"));
  pull.set_reference("registry.test/a");
  pull.mutable_credentials()->set_password(std::string(65'537, 'a'));
  EXPECT_THAT(own().AskAll(&OwnImageStub::Pull, pull),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "credentials.password"));
  api::TagImageRequest tag;
  tag.set_image(kFiveLayers);
  EXPECT_THAT(own().Ask(&OwnImageStub::Tag, tag), FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "tag"));
}

TEST_F(OwnApi, TheNetworkHasItsPodsAndTheirPorts) {
  v1::PodSandboxConfig config = PodConfig();
  v1::PortMapping& port = *config.add_port_mappings();
  port.set_container_port(80);
  port.set_host_port(18'383);
  std::string pod = RunPod(config);
  std::string address = PodStatusOf(pod).network().ip();
  api::NetworkStatusResponse status = Must(own().AskForNetwork());
  EXPECT_EQ(status.mode(), "bridge");
  EXPECT_TRUE(status.ready()) << status.problem();
  EXPECT_EQ(status.bridge().name(), instance().bridge());
  EXPECT_TRUE(status.bridge().open());
  EXPECT_GT(status.checks().count(), 0u);
  EXPECT_GT(status.checks().last(), 0);
  auto is_ours = [&](const auto& entry) { return entry.id() == pod; };
  auto attachment = std::ranges::find_if(status.pods(), is_ours);
  ASSERT_NE(attachment, status.pods().end());
  EXPECT_EQ(attachment->name(), config.metadata().name());
  EXPECT_EQ(attachment->addresses(0), address);

  auto json = nlohmann::json::parse(Davit({"network", "--output", "json"}));
  auto published = std::ranges::find_if(json["ports"], [&](const auto& entry) {
    return entry["podId"] == pod && entry["podAddress"] == address;
  });
  ASSERT_NE(published, json["ports"].end());
  EXPECT_EQ((*published)["port"], 18'383);
  EXPECT_THAT(Davit({"network", "status"}), HasSubstr("0.0.0.0:18383/tcp"));
  EXPECT_THAT(Davit({"network", "ls"}), HasSubstr(instance().bridge()));
  StopPod(pod);
  status = Must(own().AskForNetwork());
  EXPECT_EQ(std::ranges::find_if(status.pods(), is_ours), status.pods().end());
  RemovePod(pod);
}

// Even where an administrator has opened the socket to everybody, for the CRI.
TEST_F(OwnApi, IsForRootAndTheGroupOfTheSocket) {
  constexpr uid_t kUser = 12'345;
  constexpr gid_t kGroup = 12'346;
  ASSERT_EQ(chown(instance().socket().c_str(), 0, kGroup), 0);
  ASSERT_EQ(chmod(instance().socket().c_str(), 0666), 0);
  ASSERT_EQ(chmod(instance().directory().c_str(), 0711), 0);
  {
    OwnClient member(ConnectAs(kUser, kGroup));
    auto others = ConnectAs(kUser, kUser);
    OwnClient stranger(others);
    EXPECT_THAT(member.Ask(&OwnImageStub::Usage, api::UsageRequest()), Succeeds());
    EXPECT_THAT(stranger.Ask(&OwnImageStub::Usage, api::UsageRequest()),
                FailsWith(grpc::StatusCode::PERMISSION_DENIED, "davit.v1"));
    api::PullImageRequest pull;
    pull.set_reference(kFiveLayers);
    EXPECT_THAT(stranger.AskAll(&OwnImageStub::Pull, pull),
                FailsWith(grpc::StatusCode::PERMISSION_DENIED, ""));
    EXPECT_THAT(stranger.AskAll(&OwnImageStub::List, api::ListImagesRequest()),
                FailsWith(grpc::StatusCode::PERMISSION_DENIED, ""));
    EXPECT_THAT(stranger.AskAll(&OwnImageStub::Verify, api::VerifyImagesRequest()),
                FailsWith(grpc::StatusCode::PERMISSION_DENIED, ""));
    EXPECT_THAT(stranger.AskAll(&OwnImageStub::Repair, api::RepairImageRequest()),
                FailsWith(grpc::StatusCode::PERMISSION_DENIED, ""));
    EXPECT_THAT(member.AskForNetwork(), Succeeds());
    EXPECT_THAT(stranger.AskForNetwork(), FailsWith(grpc::StatusCode::PERMISSION_DENIED, ""));
    auto containers = api::Containers::NewStub(others);
    auto refused = [](const auto& call) {
      grpc::ClientContext context;
      EXPECT_EQ(call(context).error_code(), grpc::StatusCode::PERMISSION_DENIED);
    };
    refused([&](grpc::ClientContext& context) {
      api::CreateContainerResponse created;
      return containers->Create(&context, api::CreateContainerRequest(), &created);
    });
    refused([&](grpc::ClientContext& context) {
      api::ListContainersResponse part;
      auto reader = containers->List(&context, api::ListContainersRequest());
      while (reader->Read(&part)) ADD_FAILURE() << part.DebugString();
      return reader->Finish();
    });
    refused([&](grpc::ClientContext& context) {
      api::WaitContainerResponse part;
      auto reader = containers->Wait(&context, api::WaitContainerRequest());
      while (reader->Read(&part)) ADD_FAILURE() << part.DebugString();
      return reader->Finish();
    });
    refused([&](grpc::ClientContext& context) {
      api::ExecContainerResponse answer;
      return containers->Exec(&context, api::ExecContainerRequest(), &answer);
    });
    grpc::ClientContext context;
    v1::VersionResponse version;
    EXPECT_TRUE(v1::RuntimeService::NewStub(others)->Version(&context, v1::VersionRequest(), &version).ok())
        << "the CRI is not concerned";
  }
  ASSERT_EQ(chmod(instance().directory().c_str(), 0700), 0);
  ASSERT_EQ(chmod(instance().socket().c_str(), 0660), 0);
  ASSERT_EQ(chown(instance().socket().c_str(), 0, 0), 0);
}

TEST_F(OwnApi, TheCommandPullsTagsAndCleansUp) {
  Remove(kFiveLayers);
  std::string pulled = Davit({"pull", kFiveLayers});
  EXPECT_THAT(pulled, HasSubstr(": Pull complete\n"));
  EXPECT_THAT(pulled, EndsWith(std::string(kFiveLayers) + "\n"));
  EXPECT_EQ(Davit({"pull", "--quiet", kFiveLayers}), std::string(kFiveLayers) + "\n");
  Davit({"tag", kFiveLayers, "local.test/copy:2"});
  EXPECT_THAT(Davit({"images"}), HasSubstr("local.test/copy"));
  EXPECT_THAT(Davit({"images", "--tree"}), HasSubstr("local.test/copy:2"));
  Davit({"untag", "local.test/copy:2"});
  auto inspected = nlohmann::json::parse(Davit({"image", "inspect", kFiveLayers}));
  EXPECT_EQ(inspected[0]["RootFS"]["Layers"].size(), 5u);
  EXPECT_THAT(Davit({"image", "history", kFiveLayers}), StartsWith("IMAGE"));
  EXPECT_THAT(Davit({"system", "df"}), HasSubstr("RECLAIMABLE"));
  EXPECT_THAT(Davit({"image", "prune", "--all", "--force"}),
              HasSubstr("untagged: " + std::string(kFiveLayers)));
  EXPECT_THAT(Davit({"images"}), Not(HasSubstr("five-layers")));
}

TEST_F(OwnApi, LoginIsVerifiedAtTheRegistryAndUsedByPulls) {
  if (access("/usr/bin/htpasswd", X_OK) != 0) GTEST_SKIP() << "needs apache2-utils";
  std::string directory = instance().directory() + "/login";
  MustRun({SourcePath("tests/images/registry"), "start", directory, "--password", "user:right-password"});
  std::string address;
  std::ifstream(directory + "/address") >> address;
  instance().Mirror("login.test", address);
  std::string config = instance().directory() + "/docker";
  auto davit = [&](const std::string& words) {
    return client::Run({"/bin/sh", "-c",
                        "DOCKER_CONFIG=" + config + " " DAVIT_BUILD_BIN_DIR "/davit --address unix://" +
                            instance().socket() + " " + words});
  };

  std::ofstream(directory + "/right") << "right-password\n";
  auto wrong = davit("login -u user -p wrong login.test");
  EXPECT_EQ(wrong.exit_code, 125);
  EXPECT_THAT(wrong.output, HasSubstr("credentials were refused"));
  EXPECT_FALSE(std::filesystem::exists(config + "/config.json"));
  EXPECT_THAT(davit("pull login.test/some/image").output, HasSubstr("davit login login.test"));
  auto right = davit("login -u user --password-stdin login.test <" + directory + "/right");
  EXPECT_THAT(right.output, HasSubstr("Login Succeeded"));
  EXPECT_THAT(davit("pull login.test/some/image").output, HasSubstr("404")) << "the password was accepted";
  EXPECT_THAT(davit("logout login.test").output, HasSubstr("Removing login credentials"));
  EXPECT_EQ(instance().Log().find("right-password"), std::string::npos);
  MustRun({SourcePath("tests/images/registry"), "stop", directory});
}

}  // namespace
}  // namespace davit::e2e
