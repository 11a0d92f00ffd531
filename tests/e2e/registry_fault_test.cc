// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Registries that are down, refuse, lie or stop in the middle: an error that names host, object and reason,
// and nothing half-made left behind.

#include <openssl/evp.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/client/command.h"
#include "tests/e2e/http.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using client::MustRun;
using client::SourcePath;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";

std::string Digest(const std::string& data) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_Digest(data.data(), data.size(), hash, &length, EVP_sha256(), nullptr);
  std::string text = "sha256:";
  for (unsigned int i = 0; i < length; ++i) {
    text += "0123456789abcdef"[hash[i] >> 4];
    text += "0123456789abcdef"[hash[i] & 15];
  }
  return text;
}

// A registry with one image whose blobs are answered as a test wants.
struct FakeImage {
  // 10 KiB of zeros: an empty tar archive.
  std::string layer = std::string(10240, '\0');
  std::string config =
      R"({"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[")" +
      Digest(layer) + R"("]}})";
  std::string manifest = R"({"schemaVersion":2,"mediaType":")" + std::string(kManifestType) +
                         R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
                         Digest(config) + R"(","size":)" + std::to_string(config.size()) +
                         R"(},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" +
                         Digest(layer) + R"(","size":)" + std::to_string(layer.size()) + "}]}";

  std::string Answer(const std::string& request) const {
    if (request.find("/manifests/") != std::string::npos)
      return HttpResponse("200 OK", kManifestType, manifest);
    if (request.find(Digest(config)) != std::string::npos)
      return HttpResponse("200 OK", "application/json", config);
    if (request.find(Digest(layer)) != std::string::npos) {
      return HttpResponse("200 OK", "application/octet-stream", layer);
    }
    return HttpResponse("200 OK", "application/json", "{}");
  }
};

class RegistryFaults : public PodTest {
 protected:
  static constexpr char kImage[] = "faulty.test/some/image:1";

  Answer<v1::PullImageResponse> Pull(const std::string& name, const v1::AuthConfig& auth = {}) {
    v1::PullImageRequest request;
    request.mutable_image()->set_image(name);
    *request.mutable_auth() = auth;
    return cri().Ask(&ImageStub::PullImage, request);
  }

  // A pull through a registry with these answers fails, and the message holds `reason` and what was pulled.
  void ExpectPullFails(HttpServer::Handler handler, const std::string& reason) {
    HttpServer server(std::move(handler));
    instance().Mirror("faulty.test", server.address());
    auto answer = Pull(kImage);
    EXPECT_FALSE(answer.status.ok());
    EXPECT_THAT(answer.status.error_message(), AllOf(HasSubstr("some/image"), HasSubstr(reason)));
    ExpectNothingLeft();
  }

  void ExpectNothingLeft() {
    v1::ImageStatusRequest request;
    request.mutable_image()->set_image(kImage);
    EXPECT_FALSE(Must(cri().Ask(&ImageStub::ImageStatus, request)).has_image());
  }

  const FakeImage image_;
};

TEST_F(RegistryFaults, TheFakeImageItselfIsFine) {
  HttpServer server([this](const std::string& request) { return image_.Answer(request); });
  instance().Mirror("faulty.test", server.address());

  EXPECT_THAT(Pull(kImage), Succeeds());

  v1::RemoveImageRequest remove;
  remove.mutable_image()->set_image(kImage);
  Must(cri().Ask(&ImageStub::RemoveImage, remove));
  ExpectNothingLeft();
}

TEST_F(RegistryFaults, ARegistryThatIsDown) {
  std::string address =
      HttpServer([](const std::string&) { return ""; }).address();  // nobody listens any more
  instance().Mirror("faulty.test", address);

  auto answer = Pull(kImage);

  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNKNOWN) << "the kubelet's condition for the word";
  EXPECT_THAT(answer.status.error_message(),
              AllOf(StartsWith("RegistryUnavailable: "), HasSubstr("some/image"), HasSubstr(address)));
  ExpectNothingLeft();
}

TEST_F(RegistryFaults, AnImageThatIsNotThere) {
  instance().Mirror("faulty.test", TestRegistry());

  EXPECT_THAT(Pull("faulty.test/no/such/image:1"), FailsWith(grpc::StatusCode::NOT_FOUND, "no/such/image"));
}

TEST_F(RegistryFaults, ALayerWithOtherBytes) {
  ExpectPullFails(
      [this](const std::string& request) {
        FakeImage lie = image_;
        if (request.find(Digest(image_.layer)) == std::string::npos) return image_.Answer(request);
        return HttpResponse("200 OK", "application/octet-stream", std::string(10240, 'x'));
      },
      Digest(image_.layer));
}

TEST_F(RegistryFaults, ALayerThatEndsTooEarly) {
  ExpectPullFails(
      [this](const std::string& request) {
        std::string answer = image_.Answer(request);
        if (request.find(Digest(image_.layer)) != std::string::npos) answer.resize(answer.size() - 5000);
        return answer;
      },
      Digest(image_.layer));
}

TEST_F(RegistryFaults, AConfigurationWithOtherBytes) {
  ExpectPullFails(
      [this](const std::string& request) {
        if (request.find(Digest(image_.config)) == std::string::npos) return image_.Answer(request);
        return HttpResponse("200 OK", "application/json", std::string(image_.config.size(), ' '));
      },
      Digest(image_.config));
}

TEST_F(RegistryFaults, AManifestThatIsNoJson) {
  ExpectPullFails(
      [](const std::string& request) {
        return HttpResponse(
            "200 OK", request.find("/manifests/") != std::string::npos ? kManifestType : "text/plain", "{");
      },
      "manifest");
}

TEST_F(RegistryFaults, AServerError) {
  ExpectPullFails(
      [](const std::string&) { return HttpResponse("500 Internal Server Error", "text/plain", "broken"); },
      "500");
}

TEST_F(RegistryFaults, APasswordIsNeededAndChecked) {
  if (access("/usr/bin/htpasswd", X_OK) != 0) GTEST_SKIP() << "needs apache2-utils";
  std::string directory = instance().directory() + "/guarded";
  MustRun({SourcePath("tests/images/registry"), "start", directory, "--password", "user:secret-password"});
  std::ifstream file(directory + "/address");
  std::string address;
  file >> address;
  instance().Mirror("guarded.test", address);
  v1::AuthConfig wrong;
  wrong.set_username("user");
  wrong.set_password("wrong-password");
  v1::AuthConfig right = wrong;
  right.set_password("secret-password");

  EXPECT_THAT(Pull("guarded.test/some/image:1"),
              FailsWith(grpc::StatusCode::UNAUTHENTICATED, "guarded.test"));
  EXPECT_THAT(Pull("guarded.test/some/image:1", wrong),
              FailsWith(grpc::StatusCode::UNAUTHENTICATED, "guarded.test"));
  EXPECT_THAT(Pull("guarded.test/some/image:1", right), FailsWith(grpc::StatusCode::NOT_FOUND, "some/image"));
  EXPECT_EQ(instance().Log().find("secret-password"), std::string::npos);
  EXPECT_EQ(instance().Log().find("wrong-password"), std::string::npos);
  MustRun({SourcePath("tests/images/registry"), "stop", directory});
}

}  // namespace
}  // namespace davit::e2e
