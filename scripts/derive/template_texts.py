"""The texts of the application's parts of template.yaml, with `<name>` for each value."""

PATH = """\
          <path>:
            x-amazon-apigateway-any-method:
              security: !If [GatewayVerifiesTokens, [Tokens: []], !Ref AWS::NoValue]
"""
# SAM adds the integration of an event's path. Those of a group's further resources are no events,
# because SAM makes a permission for each event, and a function's policy has at most 20 KB. They
# share no integration ($ref), on which `sam local` ends. It does not serve these paths itself.
INTEGRATED_PATH = (
    PATH
    + """\
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                payloadFormatVersion: "2.0"
                uri: !Sub
                  - >-
                    arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function}/invocations
                  - { Function: !Ref <name>Function.Alias }
"""
)
PERMISSION = """\

  <resource>Permission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref <name>Function.Alias
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub
        - arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/${Path}
        - { Path: "api/<path>*" }
"""
FUNCTION = """\
  <name>Function:
    Type: AWS::Serverless::Function
<metadata>    Properties:
      CodeUri: <code>
      AutoPublishAliasAllProperties: true
      DeploymentPreference:
        Alarms: !If [UsesCanary, [!Ref <name>CanaryAlarm], [!Ref AWS::NoValue]]
      ProvisionedConcurrencyConfig: !If
        - KeepsWarm
        - ProvisionedConcurrentExecutions: !Ref ProvisionedConcurrency
        - !Ref AWS::NoValue
      ReservedConcurrentExecutions:
        !If [LimitsConcurrency, !Ref FunctionConcurrency, !Ref AWS::NoValue]
      LoggingConfig: { LogGroup: !Ref <name>Logs }
<environment>      Policies:
        - !Ref DatabaseAccess<analyst_access>
        - Statement: { Effect: Allow, Action: dynamodb:GetItem, Resource: !GetAtt ApiKeysTable.Arn }
        - Statement:
            Effect: Allow
            Action: [dynamodb:GetItem, dynamodb:UpdateItem]
            Resource: !GetAtt RateLimitTable.Arn
      Events:
<events>
  <name>Logs:
    Type: AWS::Logs::LogGroup
    Properties: { <<: *logs, LogGroupName: !Sub "/aws/lambda/${AWS::StackName}/<log_name>" }
<permissions>"""
EVENT = """\
        <event>:
          Type: HttpApi
          Properties: { ApiId: !Ref Api, Method: ANY, Path: <path> }
"""
# Unknown paths under /api: the client is authenticated and counted before the 404.
FALLBACK = ("Elsewhere", "/api/{proxy+}")
ANALYST_METADATA = """\
    Metadata:
      BuildMethod: makefile # <code>/Makefile: adds pgparse, which only ad-hoc SQL needs
"""
ANALYST_ENVIRONMENT = """\
      Environment:
        Variables:
          SLUICE_ANALYST_USER: !Ref AnalystUser
          SLUICE_ANALYST_AUTH: !Ref AnalystAuth
          SLUICE_ANALYST_SECRET_ARN: !Ref AnalystSecretArn
          SLUICE_ANALYST_PASSWORD: !Ref AWS::NoValue # local only, as SLUICE_DB_PASSWORD
          SLUICE_ANALYST_MAX_COST: !Ref AnalystMaxCost
"""
ANALYST_ACCESS = "\n        - !If [HasAnalyst, !Ref AnalystAccess, !Ref AWS::NoValue]"
ALARM = """\
  <name><kind>Alarm:
    Type: AWS::CloudWatch::Alarm
<condition>    Properties:
      <<: *<anchor>
      Dimensions: [{ Name: FunctionName, Value: !Ref <name>Function }]
"""
CANARY = """\
  <name>CanaryAlarm:
    Type: AWS::CloudWatch::Alarm
    Condition: UsesCanary
    Properties:
      <<: *canary
      Metrics:
        - *failedShare
        - Id: broken # ended without a response
          ReturnData: false
          MetricStat:
            Metric:
              Namespace: AWS/Lambda
              MetricName: Errors
              Dimensions: &version<name>
                - { Name: FunctionName, Value: !Ref <name>Function }
                - { Name: Resource, Value: !Sub "${<name>Function}:live" }
                - { Name: ExecutedVersion, Value: !GetAtt <name>Function.Version.Version }
            Stat: Sum
            Period: 60
        - Id: faults # responses with status 500
          ReturnData: false
          MetricStat:
            Metric:
              Namespace: Sluice
              MetricName: internal_error
              Dimensions:
                - { Name: service, Value: !Ref AWS::StackName }
                - { Name: function_name, Value: !Ref <name>Function }
                - { Name: executed_version, Value: !GetAtt <name>Function.Version.Version }
            Stat: Sum
            Period: 60
        - Id: invocations
          ReturnData: false
          MetricStat:
            Metric:
              Namespace: AWS/Lambda
              MetricName: Invocations
              Dimensions: *version<name>
            Stat: Sum
            Period: 60
"""
BUDGET = """\
      - !Sub >-
        (<resources> x ${FunctionConcurrency} resources + 2 health + 2 imports + 1 cleanup)
        x (${PoolSize} + ${PoolOverflow})<analysts>
        + ${ImportConcurrency} import workers + 1 migration
"""
