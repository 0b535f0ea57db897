

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('postgres', '0006_plan_samples'),
    ]

    operations = [
        migrations.AddField(
            model_name='backup',
            name='expired',
            field=models.BooleanField(default=False),
        ),
    ]
