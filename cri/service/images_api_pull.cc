// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The methods of davit.v1.Images that talk to registries.

#include "cri/service/entitlement.h"
#include "cri/service/field_limits.h"
#include "cri/service/images_api.h"
#include "cri/service/progress_reporter.h"

namespace davit::cri {
namespace {

Result<> CheckLimits(const api::Credentials& credentials) {
  TRY(LimitText("credentials.username", credentials.username(), kMostNameBytes));
  TRY(LimitText("credentials.password", credentials.password(), kMostSecretBytes));
  TRY(LimitText("credentials.identity_token", credentials.identity_token(), kMostSecretBytes));
  TRY(LimitText("credentials.registry_token", credentials.registry_token(), kMostSecretBytes));
  return LimitText("credentials.server_address", credentials.server_address(), kMostNameBytes);
}

images::RegistryAuth ToAuth(const api::Credentials& credentials) {
  return {credentials.username(),       credentials.password(),       /*auth=*/"",
          credentials.identity_token(), credentials.registry_token(), credentials.server_address()};
}

api::PulledImage ToMessage(const images::PulledImage& image) {
  api::PulledImage message;
  message.set_id(image.id);
  message.set_reference(image.reference);
  message.set_digest(image.digest);
  message.set_warning(image.warning);
  message.set_unchanged(image.unchanged);
  return message;
}

// A write fails if the client has left, which the pull notices by itself.
Result<images::PulledImage> PullReporting(images::ImageStore& store, images::PullRequest pull,
                                          grpc::ServerWriter<api::PullImageResponse>& writer) {
  ProgressReporter reporter([&writer](const api::PullImageResponse& message) { writer.Write(message); });
  pull.on_progress = [&reporter](auto progress) { reporter.Follow(std::move(progress)); };
  Result<images::PulledImage> image = store.Pull(pull);
  if (!image) image.error().reason = Reason::kNone;  // the words for the kubelet would hide the code
  return image;
}

}  // namespace

grpc::Status ImagesApi::Pull(grpc::ServerContext* context, const api::PullImageRequest* request,
                             grpc::ServerWriter<api::PullImageResponse>* writer) {
  api::PullImageResponse last;
  return Serve(edge_, CallClass::kPull, context, "Images.Pull", request->reference(), &last,
               [&](Call& call) -> Result<api::PullImageResponse> {
                 TRY(RequireEntitled(*context));
                 TRY(RequireText("reference", request->reference(), kMostReferenceBytes));
                 TRY(CheckLimits(request->credentials()));
                 images::PullRequest pull;
                 pull.reference = request->reference();
                 if (request->has_credentials()) pull.auth = ToAuth(request->credentials());
                 pull.deadline_ms = call.deadline_ms;
                 pull.cancelled = [context] { return context->IsCancelled(); };
                 api::PullImageResponse answer;
                 *answer.mutable_image() = ToMessage(TRY(PullReporting(images_, std::move(pull), *writer)));
                 writer->Write(answer);
                 return answer;
               });
}

grpc::Status ImagesApi::CheckCredentials(grpc::ServerContext* context,
                                         const api::CheckCredentialsRequest* request,
                                         api::CheckCredentialsResponse* response) {
  return Serve(edge_, CallClass::kPull, context, "Images.CheckCredentials", request->registry(), response,
               [&](Call&) -> Result<api::CheckCredentialsResponse> {
                 TRY(RequireEntitled(*context));
                 TRY(RequireText("registry", request->registry(), kMostRegistryBytes));
                 TRY(CheckLimits(request->credentials()));
                 TRY(images_.CheckCredentials(request->registry(), ToAuth(request->credentials()),
                                              [context] { return context->IsCancelled(); }));
                 return api::CheckCredentialsResponse();
               });
}

}  // namespace davit::cri
