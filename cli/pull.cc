// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/pull.h"

#include <nlohmann/json.hpp>

#include "cli/credentials.h"
#include "cli/registry_name.h"
#include "cli/text.h"
#include "cli/transfer_display.h"

namespace davit::cli {
namespace {

using Take = std::function<void(const api::PullImageResponse&)>;

Result<api::PulledImage> Pull(const Session& session, const std::string& reference, const Take& take) {
  std::string registry = RegistryOf(reference);
  api::PullImageRequest request;
  request.set_reference(reference);
  std::optional<api::Credentials> credentials = TRY(FindCredentials(session, registry));
  if (credentials) *request.mutable_credentials() = *credentials;
  api::PulledImage image;
  Result<> pulled = session.daemon.Read<api::PullImageRequest, api::PullImageResponse>(
      &OwnImageStub::Pull, request,
      [&](const api::PullImageResponse& message) {
        if (message.has_image()) image = message.image();
        take(message);
      },
      CallMode::kPatient);
  if (!pulled)
    return std::unexpected(WithAdvice(std::move(pulled).error(), registry, credentials.has_value()));
  return image;
}

Result<api::PulledImage> Warned(const Session& session, Result<api::PulledImage> image) {
  if (image && !image->warning().empty()) session.console.Remark(image->warning());
  return image;
}

// "library/busybox" and "latest", of "docker.io/library/busybox:latest".
std::string ShortReference(const std::string& reference) {
  constexpr std::string_view kOfficial = "docker.io/library/";
  constexpr std::string_view kHub = "docker.io/";
  if (reference.starts_with(kOfficial)) return reference.substr(kOfficial.size());
  return reference.starts_with(kHub) ? reference.substr(kHub.size()) : reference;
}

}  // namespace

Result<api::PulledImage> PullQuietly(const Session& session, const std::string& reference) {
  return Warned(session, Pull(session, reference, [](const api::PullImageResponse&) {}));
}

Result<api::PulledImage> PullShowing(const Session& session, const std::string& reference, int fd) {
  Result<api::PulledImage> image = [&] {
    TransferDisplay display(fd, Transfer::kPull);
    return Pull(session, reference,
                [&display](const api::PullImageResponse& message) { display.Apply(message.layers()); });
  }();  // nothing is drawn any more
  return Warned(session, std::move(image));
}

Result<int> Perform(const Session& session, const PullOptions& options) {
  const Console& console = session.console;
  if (console.format == OutputFormat::kJson) {
    api::PulledImage image = TRY(PullQuietly(session, options.image));
    TRY(console.PrintJson({{"image", image.reference()}, {"id", image.id()}, {"digest", image.digest()}}));
    return 0;
  }
  if (options.quiet) {
    TRY(console.Print(Printable(TRY(PullQuietly(session, options.image)).reference()) + "\n"));
    return 0;
  }
  TRY(console.Print("Pulling " + Printable(options.image) + "\n"));
  api::PulledImage image = TRY(PullShowing(session, options.image, console.out));
  std::string status = image.unchanged() ? "Image is up to date for " : "Downloaded newer image for ";
  TRY(console.Print("Digest: " + Printable(image.digest()) + "\nStatus: " + status +
                    Printable(ShortReference(image.reference())) + "\n" + Printable(image.reference()) +
                    "\n"));
  return 0;
}

}  // namespace davit::cli
