// An HTTP API whose answers outlive its containers in a bucket.
import * as cdk from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as s3 from "aws-cdk-lib/aws-s3";
import { HttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { Construct } from "constructs";

export class HttpApiStack extends cdk.Stack {
  constructor(scope: Construct, id: string, props?: cdk.StackProps) {
    super(scope, id, props);
    const cache = new s3.Bucket(this, "CacheBucket", {
      removalPolicy: cdk.RemovalPolicy.DESTROY,
      autoDeleteObjects: true,
      lifecycleRules: [
        { prefix: "cache/e/", expiration: cdk.Duration.days(7) },
        { prefix: "cache/l/", expiration: cdk.Duration.days(1) },
      ],
    });
    const fn = new lambda.Function(this, "Function", {
      code: lambda.Code.fromAsset("build"),
      handler: "bootstrap",
      runtime: lambda.Runtime.PROVIDED_AL2023,
      architecture: lambda.Architecture.ARM_64,
      memorySize: 512,
      timeout: cdk.Duration.seconds(10),
      environment: { STILLWARM_BACKEND: `s3://${cache.bucketName}/cache?region=${this.region}` },
    });
    fn.addToRolePolicy(new iam.PolicyStatement({
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      resources: [cache.arnForObjects("cache/*")],
    }));
    fn.addToRolePolicy(new iam.PolicyStatement({ actions: ["s3:ListBucket"], resources: [cache.bucketArn] }));
    const api = new HttpApi(this, "Api", { defaultIntegration: new HttpLambdaIntegration("Function", fn) });
    new cdk.CfnOutput(this, "Url", { value: api.apiEndpoint });
  }
}

const app = new cdk.App();
new HttpApiStack(app, "http-api");
